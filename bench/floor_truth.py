"""A simulated floor whose truth is known: who was where, active or idle, and what a camera showed.

Eight hours, 12 people, 6 zones in one picture, two frames a second; with jitter, lost detections,
occlusions, id switches and a camera outage. Truth is reckoned here by itself, second by second.
"""

import random
from dataclasses import dataclass, field
from typing import Any, Final

HOURS: Final = 8
PEOPLE: Final = 12
ZONES: Final = 6
FPS: Final = 2
OUTAGE_S: Final = (3 * 3600.0, 3 * 3600.0 + 600.0)
MAX_WORKERS: Final = 3
_IDLE_AFTER_S: Final = 10.0


@dataclass(slots=True)
class Stay:
    """Somebody in a zone, and the spans in which they stand still."""

    person: int
    zone: int
    start_s: float
    end_s: float
    still: list[tuple[float, float]] = field(default_factory=list)

    @property
    def idle_s(self) -> float:
        """Seconds of stillness that count."""
        return sum(b - a for a, b in self.still if b - a >= _IDLE_AFTER_S)


def corners(zone: int) -> list[list[float]]:
    """A zone of the 1920x1080 picture; aisles of 60 px lie between them."""
    left, top = 40 + (zone % 3) * 630, 40 + (zone // 3) * 520
    return [[left, top], [left + 560, top], [left + 560, top + 460], [left, top + 460]]


def _still_spans(random: random.Random, start_s: float, end_s: float) -> list[tuple[float, float]]:
    spans, at = [], start_s + random.uniform(20, 120)
    while at < end_s - 30:
        length = random.choice([15, 25, 45, 75, 90, 120, 330])
        spans.append((at, min(at + length, end_s - 10)))
        at += length + random.uniform(60, 600)
    return spans


def planned(seed: int) -> list[Stay]:
    """Everybody's day: one stay after the other, some seconds of aisle in between."""
    chance, stays = random.Random(seed), list[Stay]()
    for person in range(PEOPLE):
        at, zone = chance.uniform(5, 300), person % ZONES
        while at < HOURS * 3600 - 400:
            end = min(at + chance.uniform(300, 2400), HOURS * 3600 - 60)
            at, end = round(at * FPS) / FPS, round(end * FPS) / FPS
            stays.append(Stay(person, zone, at, end, _still_spans(chance, at, end)))
            at = end + chance.choice([8, 15, 20, 400])
            zone = chance.choice([other for other in range(ZONES) if other != zone])
    return stays


def seen(stay: Stay) -> list[Stay]:
    """What of a stay a camera can know: what begins or ends in the dark does so at its edge."""
    dark_from, dark_to = OUTAGE_S
    if stay.end_s <= dark_from or stay.start_s >= dark_to:
        return [stay]
    start = dark_to if stay.start_s > dark_from else stay.start_s
    end = dark_from if stay.end_s < dark_to else stay.end_s
    if end <= start:
        return []
    parts = [(a, min(b, dark_from)) for a, b in stay.still if a < dark_from]
    parts += [(max(a, dark_to), b) for a, b in stay.still if b > dark_to]
    return [Stay(stay.person, stay.zone, start, end, [p for p in parts if p[1] > p[0]])]


def known(stays: list[Stay]) -> list[Stay]:
    """What a camera can know of all stays: who is where they were before the dark, stayed."""
    parts = [part for stay in stays for part in seen(stay)]
    parts.sort(key=lambda part: (part.person, part.start_s))
    merged: list[Stay] = []
    for part in parts:
        last = merged[-1] if merged else part
        is_same = (last.person, last.zone) == (part.person, part.zone)
        if is_same and (last.end_s, part.start_s) == OUTAGE_S:
            still = [*last.still, *part.still]
            merged[-1] = Stay(part.person, part.zone, last.start_s, part.end_s, still)
        else:
            merged.append(part)
    return merged


def unseen_s(stay: Stay) -> float:
    """The part of a stay that lies in the dark."""
    return max(0.0, min(stay.end_s, OUTAGE_S[1]) - max(stay.start_s, OUTAGE_S[0]))


def frames(stays: list[Stay], seed: int) -> list[dict[str, Any]]:
    """What the camera shows: `time_s` and tracks, in order; nothing in the dark."""
    chance = random.Random(seed)
    numbers, hidden_until = list(range(1, PEOPLE + 1)), [0.0] * PEOPLE
    by_person = [[stay for stay in stays if stay.person == person] for person in range(PEOPLE)]
    shown, next_number = [], PEOPLE + 1
    for index in range(HOURS * 3600 * FPS):
        now = index / FPS
        if OUTAGE_S[0] < now < OUTAGE_S[1]:
            continue
        tracks = []
        for person in range(PEOPLE):
            stay = next((s for s in by_person[person] if s.start_s <= now < s.end_s), None)
            if chance.random() < 3 / 3600 / FPS:  # an id switch, three an hour
                numbers[person], next_number = next_number, next_number + 1
            if chance.random() < 4 / 3600 / FPS:  # an occlusion, four an hour
                hidden_until[person] = now + chance.uniform(0.5, 2.0)
            if now < hidden_until[person] or chance.random() < 0.03:
                continue
            tracks.append(_track(chance, numbers[person], stay, now, person))
        shown.append({"time_s": now, "tracks": tracks})
    return shown


def _track(
    chance: random.Random, number: int, stay: Stay | None, now: float, person: int
) -> dict[str, Any]:
    if stay is None:
        x, y, is_still = 625.0, 20.0 + 80 * person, False
    else:
        left, top = corners(stay.zone)[0]
        x, y = left + 60 + 40 * (person % 12), top + 120 + 25 * person
        is_still = any(a <= now < b for a, b in stay.still)
    x, y = x + chance.gauss(0, 2), y + chance.gauss(0, 2)
    motion = abs(chance.gauss(0.04, 0.02)) if is_still else max(0.25, chance.gauss(0.6, 0.15))
    return {
        "track_id": number,
        "bbox": [round(x - 30, 1), round(y - 160, 1), round(x + 30, 1), round(y, 1)],
        "confidence": 0.9,
        "motion": round(min(1.0, motion), 3),
    }


def alerts(stays: list[Stay]) -> dict[str, int]:
    """How many alerts of each kind are right, by the contract's default rules."""
    found = {"idle_threshold": 0, "excessive_idle": 0, "zone_empty": 0, "overcrowded": 0}
    for stay in stays:
        for start, end in stay.still:
            dark = start < OUTAGE_S[0] and end >= OUTAGE_S[0]
            length = (OUTAGE_S[0] if dark else end) - start
            found["idle_threshold"] += length >= 60
            found["excessive_idle"] += length >= 300
    for zone in range(ZONES):
        counts = _counts(stays, zone)
        found["zone_empty"] += _runs(counts, lambda count: count == 0, 300)
        found["overcrowded"] += _runs(counts, lambda count: count > MAX_WORKERS, 30)
    return found


def _counts(stays: list[Stay], zone: int) -> list[int | None]:
    """People in a zone at each half second; None in the dark."""
    counts: list[int | None] = [0] * (HOURS * 3600 * FPS)
    for stay in stays:
        if stay.zone == zone:
            for index in range(round(stay.start_s * FPS), round(stay.end_s * FPS)):
                counts[index] = (counts[index] or 0) + 1
    for index in range(round(OUTAGE_S[0] * FPS) + 1, round(OUTAGE_S[1] * FPS)):
        counts[index] = None
    return counts


def _runs(counts: list[int | None], holds: Any, seconds: float) -> int:
    """Runs of seen time that are long enough; a long darkness begins a run anew."""
    number = length = 0
    for count in counts:
        if count is None:
            length = 0 if length < seconds * FPS else length
            continue
        if not holds(count):
            length = 0
            continue
        length += 1
        number += length == seconds * FPS
    return number
