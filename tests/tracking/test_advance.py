"""What frames mean: stays, their seconds, and that neither noise nor batching changes them."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.floor.advance import State, advance
from tracking.floor.geometry import Polygon
from tracking.floor.observations import Frame, Identities, Rules, Track, Zone
from tracking.floor.sessions import Event, Session

START = 1_736_930_142.0  # 2025-01-15 08:35:42 UTC
RULES = Rules()
Z1 = Zone("Z01", Polygon(((100, 100), (300, 100), (300, 300), (100, 300))))
Z2 = Zone("Z02", Polygon(((400, 100), (600, 100), (600, 300), (400, 300))))
INSIDE, OUTSIDE, IN_Z2 = (200.0, 200.0), (350.0, 200.0), (500.0, 200.0)
FPS = 10
# An example is a whole day of frames, so a few say enough.
FEW = settings(max_examples=10, deadline=None)


def walk(
    places: Sequence[tuple[float, tuple[float, float]]],
    *,
    track_id: str = "1",
    start: float = 0.0,
    motion: float = 0.8,
    fps: int = FPS,
    worker: str | None = None,
) -> list[Frame]:
    """Frames of one person who is for so many seconds at each place."""
    frames, time_s = [], start
    for seconds, place in places:
        for _ in range(round(seconds * fps)):
            track = Track(track_id, place, motion, worker)
            frames.append(Frame(START + time_s, (track,)))
            time_s += 1 / fps
    return frames


def empty(seconds: float, *, start: float) -> list[Frame]:
    return [Frame(START + start + i / FPS, ()) for i in range(round(seconds * FPS))]


def together(*walks: Iterable[Frame]) -> list[Frame]:
    """Frames of several people in one picture."""
    tracks: dict[float, tuple[Track, ...]] = {}
    for frames in walks:
        for frame in frames:
            at = round(frame.time_s, 3)
            tracks[at] = tracks.get(at, ()) + frame.tracks
    return [Frame(at, seen) for at, seen in sorted(tracks.items())]


def run(
    frames: Iterable[Frame],
    *,
    batches: Sequence[int] = (),
    rules: Rules = RULES,
    identities: Identities | None = None,
) -> tuple[State, list[Event]]:
    """Advance in batches of these sizes, each from the state as it was stored."""
    state, events, rest = State(), list[Event](), list(frames)
    for size in (*batches, len(rest)):
        batch, rest = rest[:size], rest[size:]
        state = State.from_json(json.loads(json.dumps(state.as_json())))
        state, new = advance(state, batch, zones=[Z1, Z2], rules=rules, identities=identities)
        events += new
    return state, events


def stays(events: Iterable[Event]) -> list[Session]:
    """Every session as it was left, by entry."""
    last = {event.session.key: event.session for event in events}
    return sorted(last.values(), key=lambda s: (s.entry_s, s.key))


def test_a_stay_is_dated_from_crossing_to_last_sight() -> None:
    frames = walk([(2, OUTSIDE), (20, INSIDE), (5, OUTSIDE)], worker="W001")
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry", "exit"]
    (stay,) = stays(events)
    assert stay.key == "W001_Z01_20250115_083544"
    assert stay.entry_s == pytest.approx(START + 2)
    assert stay.exit_s == pytest.approx(START + 21.9)
    assert stay.active_s == pytest.approx(19.9)
    assert (stay.idle_s, stay.unseen_s) == (0, 0)


def test_who_only_passes_through_makes_no_stay() -> None:
    _, events = run(walk([(2, OUTSIDE), (0.8, INSIDE), (5, OUTSIDE)]))
    assert events == []


def test_who_steps_out_for_less_than_the_hold_stays() -> None:
    frames = walk([(10, INSIDE), (2.5, OUTSIDE), (10, INSIDE)])
    state, events = run(frames)
    assert [event.kind for event in events] == ["entry"]
    assert len(state.sessions) == 1


def test_idle_is_dated_back_to_the_first_still_second() -> None:
    moving = walk([(5, INSIDE)])
    still = walk([(30, INSIDE)], start=5, motion=0.1)
    again = walk([(5, INSIDE)], start=35)
    gone = empty(5, start=40)
    _, events = run([*moving, *still, *again, *gone])
    assert [(e.kind, round(e.time_s - START, 1)) for e in events] == [
        ("entry", 0.0),
        ("idle_start", 5.0),
        ("active_resume", 35.0),
        ("exit", 39.9),
    ]
    (stay,) = stays(events)
    assert stay.active_s == pytest.approx(9.9)
    assert stay.idle_s == pytest.approx(30)


def test_standing_still_for_less_than_the_rule_is_active() -> None:
    frames = [*walk([(5, INSIDE)]), *walk([(9, INSIDE)], start=5, motion=0.0),
              *walk([(5, INSIDE)], start=14)]  # fmt: skip
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry"]


def test_a_time_without_frames_is_unseen_and_neither_active_nor_idle() -> None:
    frames = [*walk([(10, INSIDE)]), *walk([(10, INSIDE)], start=600), *empty(5, start=610)]
    _, events = run(frames)
    kinds = [event.kind for event in events]
    assert kinds == ["entry", "unseen_start", "seen_resume", "exit"]
    (stay,) = stays(events)
    assert stay.unseen_s == pytest.approx(590.1)
    assert stay.active_s == pytest.approx(19.8)
    assert stay.idle_s == 0


def test_after_half_an_hour_unseen_the_stay_ended_at_the_last_sight() -> None:
    frames = [*walk([(10, INSIDE)]), *walk([(10, INSIDE)], start=2000)]
    state, events = run(frames)
    assert [event.kind for event in events] == ["entry", "exit", "entry"]
    first = stays(events)[0]
    assert first.exit_s == pytest.approx(START + 9.9)
    assert first.unseen_s == 0
    assert len(state.sessions) == 1


def test_a_new_track_goes_on_with_a_stay_that_just_ended() -> None:
    frames = [
        *walk([(10, INSIDE)], track_id="1", worker="W001"),
        *empty(4, start=10),
        *walk([(10, INSIDE)], track_id="2", start=14),
        *empty(4, start=24),
    ]
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry", "exit", "continued", "exit"]
    (stay,) = stays(events)
    assert stay.worker_id == "W001"
    assert stay.active_s == pytest.approx(23.9)


def test_an_id_switch_in_full_sight_changes_nothing() -> None:
    frames = [*walk([(10, INSIDE)], track_id="1"), *walk([(10, INSIDE)], track_id="7", start=10),
              *empty(5, start=20)]  # fmt: skip
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry", "continued", "exit"]
    assert stays(events)[0].active_s == pytest.approx(19.9)


def test_another_worker_never_goes_on_with_a_stay() -> None:
    frames = [
        *walk([(10, INSIDE)], track_id="1", worker="W001"),
        *walk([(10, INSIDE)], track_id="2", worker="W002", start=10),
        *empty(5, start=20),
    ]
    _, events = run(frames)
    assert {stay.worker_id for stay in stays(events)} == {"W001", "W002"}


def test_a_badge_names_the_worker_and_an_unknown_one_nobody() -> None:
    def wearing(badge: str) -> list[Frame]:
        return [
            replace(f, tracks=tuple(replace(t, badge_id=badge) for t in f.tracks))
            for f in walk([(5, INSIDE)])
        ]

    known = Identities({"BADGE-001": "W001"})
    assert stays(run(wearing("BADGE-001"), identities=known)[1])[0].name == "W001"
    assert stays(run(wearing("BADGE-999"), identities=known)[1])[0].name == "UNKNOWN-1"


def test_a_stay_learns_its_worker_when_the_badge_is_read_late() -> None:
    frames = [*walk([(5, INSIDE)]), *walk([(5, INSIDE)], start=5, worker="W003")]
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry", "identified"]
    assert events[-1].session.name == "W003"


def test_people_change_zones_and_leave_a_stay_in_each() -> None:
    frames = [*walk([(10, INSIDE), (1, OUTSIDE), (10, IN_Z2)]), *empty(5, start=21)]
    _, events = run(frames)
    assert [(s.zone_id, round(s.active_s, 1)) for s in stays(events)] == [
        ("Z01", 9.9),
        ("Z02", 9.9),
    ]


def test_who_is_gone_after_the_dark_left_at_the_last_sight() -> None:
    frames = [*walk([(20, INSIDE)]), *empty(10, start=620)]
    _, events = run(frames)
    assert [event.kind for event in events] == ["entry", "exit"]
    (stay,) = stays(events)
    assert stay.exit_s == pytest.approx(START + 19.9)
    assert (round(stay.active_s, 1), stay.unseen_s) == (19.9, 0)


def test_overlapping_zones_each_have_their_stay() -> None:
    wide = Zone("ALL", Polygon(((0, 0), (640, 0), (640, 480), (0, 480))))
    state, _ = advance(State(), walk([(5, INSIDE)]), zones=[Z1, wide], rules=RULES)
    assert {session.zone_id for session in state.sessions.values()} == {"Z01", "ALL"}


def test_two_people_in_one_zone_are_two_stays() -> None:
    frames = together(
        walk([(10, INSIDE)], track_id="1"), walk([(10, (150.0, 150.0))], track_id="2")
    )
    state, events = run(frames)
    assert len(state.sessions) == 2
    assert len({event.session.key for event in events}) == 2


def test_a_zone_that_is_no_longer_in_force_ends_its_stays() -> None:
    state, _ = advance(State(), walk([(5, INSIDE)]), zones=[Z1], rules=RULES)
    state, events = advance(state, walk([(1, INSIDE)], start=5), zones=[], rules=RULES)
    assert [event.kind for event in events] == ["exit"]
    assert not state.sessions


# --- what must not matter --------------------------------------------------------------------

DAY = together(
    [*walk([(3, OUTSIDE), (20, INSIDE), (6, OUTSIDE), (15, IN_Z2), (5, OUTSIDE)], track_id="1")],
    [*walk([(8, OUTSIDE), (30, INSIDE), (11, OUTSIDE)], track_id="2", motion=0.05)],
)
TRUTH = [(s.zone_id, s.track_id) for s in stays(run(DAY)[1])]


def told(events: Iterable[Event]) -> list[tuple[str, str, float, float, float]]:
    return [
        (s.zone_id, s.track_id, round(s.active_s, 2), round(s.idle_s, 2), round(s.unseen_s, 2))
        for s in stays(events)
    ]


def test_the_day_has_three_stays() -> None:
    assert TRUTH == [("Z01", "1"), ("Z01", "2"), ("Z02", "1")]


@FEW
@given(st.lists(st.integers(1, 60), max_size=30))
def test_batch_boundaries_and_restarts_change_nothing(batches: list[int]) -> None:
    assert run(DAY, batches=batches)[1] == run(DAY)[1]


@FEW
@given(st.integers(0, 2**32))
def test_the_order_within_a_batch_changes_nothing(seed: int) -> None:
    shuffled = list(DAY)
    random.Random(seed).shuffle(shuffled)
    assert run(shuffled)[1] == run(DAY)[1]


@FEW
@given(st.integers(0, 2**32), st.floats(0, 4.5))
def test_jitter_within_the_margin_changes_no_stay(seed: int, size: float) -> None:
    noise = random.Random(seed)
    jittered = [
        replace(
            frame,
            tracks=tuple(
                replace(
                    track,
                    foot=(
                        track.foot[0] + noise.uniform(-size, size),
                        track.foot[1] + noise.uniform(-size, size),
                    ),
                )
                for track in frame.tracks
            ),
        )
        for frame in DAY
    ]
    assert told(run(jittered)[1]) == told(run(DAY)[1])


def test_who_wavers_on_the_border_has_one_stay() -> None:
    noise = random.Random(7)
    frames = [
        Frame(START + i / FPS, (Track("1", (100 + noise.uniform(-4, 6), 200.0), 0.5),))
        for i in range(600)
    ]
    _, events = run([*frames, *empty(5, start=60)])
    assert [event.kind for event in events] == ["entry", "exit"]


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_lower_frame_rate_gives_the_same_stays(step: int) -> None:
    fewer = stays(run(DAY[::step])[1])
    assert [(s.zone_id, s.track_id) for s in fewer] == TRUTH
    for one, other in zip(fewer, stays(run(DAY)[1]), strict=True):
        assert one.active_s == pytest.approx(other.active_s, abs=2 * step / FPS)
        assert one.idle_s == pytest.approx(other.idle_s, abs=2 * step / FPS)


@FEW
@given(st.integers(0, 2**32), st.floats(0, 0.5))
def test_dropped_frames_change_no_stay(seed: int, share: float) -> None:
    chance = random.Random(seed)
    kept = [frame for frame in DAY if chance.random() >= share]
    fewer = stays(run(kept)[1])
    assert [(s.zone_id, s.track_id) for s in fewer] == TRUTH
    for one, other in zip(fewer, stays(run(DAY)[1]), strict=True):
        assert one.active_s == pytest.approx(other.active_s, abs=2.5)


@FEW
@given(st.integers(0, 2**32))
def test_all_time_of_a_stay_is_active_idle_or_unseen(seed: int) -> None:
    chance = random.Random(seed)
    frames, at = [], 0.0
    for _ in range(300):
        at += chance.choice([0.1, 0.2, 0.5, 1, 8])
        place = chance.choice([INSIDE, INSIDE, INSIDE, OUTSIDE, IN_Z2])
        motion = chance.choice([0.0, 0.0, 0.9])
        frames.append(Frame(START + at, (Track(chance.choice("112"), place, motion),)))
    _, events = run(frames)
    for stay in stays(events):
        if stay.exit_s is not None:
            total = stay.active_s + stay.idle_s + stay.unseen_s
            assert total == pytest.approx(stay.exit_s - stay.entry_s, abs=1e-3)
            assert min(stay.active_s, stay.idle_s, stay.unseen_s) >= 0
