"""When the floor calls for somebody: rules over what frames showed, with hysteresis. Pure.

Only seen time counts: a hold pauses while no frame comes, and starts anew when that took long. A
condition that ended must stay away for a while before its alarm ends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

from tracking.floor.observations import Seconds
from tracking.floor.sessions import Event, Session

ZoneRule = Literal["zone_empty", "understaffed", "overcrowded"]
IdleRule = Literal["idle_threshold", "excessive_idle"]
Occupancy = Literal["normal", "empty", "understaffed", "overcrowded"]
_STATUS_OF: Final[dict[ZoneRule, Occupancy]] = {
    "zone_empty": "empty",
    "understaffed": "understaffed",
    "overcrowded": "overcrowded",
}
IDLE_RULES: Final[tuple[IdleRule, ...]] = ("idle_threshold", "excessive_idle")
_CLEAR_S: Final = 5.0
_FORGET_S: Final = 60.0
_UPDATE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many people a zone wants."""

    min_workers: int
    max_workers: int | None


def occupancy_status(count: int, limits: Limits) -> Occupancy:
    """The contract's word for so many people in a zone."""
    if limits.max_workers is not None and count > limits.max_workers:
        return "overcrowded"
    if count >= limits.min_workers:
        return "normal"
    return "empty" if count == 0 else "understaffed"


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """After how many seconds, and whether in working time only."""

    seconds: Seconds
    working_time_only: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """How long something has held, and how long it has been away since."""

    held_s: Seconds = 0.0
    clear_s: Seconds = 0.0
    told_s: Seconds = 0.0
    is_raised: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that was raised, goes on, or has ended, by the frames' own time."""

    change: Literal["raised", "updated", "ended"]
    rule: str
    time_s: Seconds
    held_s: Seconds
    zone_id: str
    count: int = 0
    session_key: str | None = None
    worker: str | None = None

    @property
    def cause(self) -> str:
        """What one open alert stands for."""
        return f"{self.rule}:{self.session_key or self.zone_id}"


Key = tuple[str, str]  # rule, zone or session


@dataclass(frozen=True, slots=True)
class Alarms:
    """What has been going on in each zone and session, as JSON a part of the camera's state."""

    conditions: Mapping[Key, Condition] = field(default_factory=dict)
    # When the last darkness ended: nothing that holds is known to be older.
    lit_s: Seconds = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        conditions = [
            [*key, one.held_s, one.clear_s, one.told_s, one.is_raised]
            for key, one in self.conditions.items()
        ]
        return {"conditions": conditions, "lit_s": self.lit_s}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` wrote."""
        rows = values["conditions"]
        known = {(rule, name): Condition(*rest) for rule, name, *rest in rows}
        return cls(known, values["lit_s"])


class Watch:
    """Looks at each frame after the floor has taken it."""

    def __init__(
        self,
        alarms: Alarms,
        *,
        rules: Mapping[str, AlarmRule],
        limits: Mapping[str, Limits],
        is_working: Callable[[Seconds], bool],
    ) -> None:
        self._conditions = dict(alarms.conditions)
        self._lit_s = alarms.lit_s
        self._rules = rules
        self._limits = limits
        self._is_working = is_working
        self._zone_rules: Sequence[ZoneRule] = [rule for rule in _STATUS_OF if rule in rules]
        self._counts: dict[str, int] | None = None

    def alarms(self) -> Alarms:
        """The state as it is now."""
        return Alarms(self._conditions, self._lit_s)

    def after(
        self,
        events: Sequence[Event],
        sessions: Mapping[str, Session],
        *,
        now_s: Seconds,
        passed_s: Seconds,
        is_dark: bool,
    ) -> Iterator[Alarm]:
        """What the newest frame means for the rules.

        Args:
            events: what the floor made of the frame.
            sessions: the open ones.
            now_s: the frame's time.
            passed_s: seconds since the frame before it.
            is_dark: nothing was seen in between.
        """
        if is_dark and passed_s > _FORGET_S:
            kept = {key: one for key, one in self._conditions.items() if one.is_raised}
            self._conditions = kept
        if is_dark:
            self._lit_s = now_s
        seen_s = 0.0 if is_dark else passed_s
        yield from self._over(sessions, now_s)
        yield from self._zones(events, sessions, now_s=now_s, seen_s=seen_s)
        yield from self._idle(sessions, now_s)

    def _over(self, sessions: Mapping[str, Session], now_s: Seconds) -> Iterator[Alarm]:
        """Alarms whose rule, zone or session is there no longer."""
        for rule, name in list(self._conditions):
            names = sessions if rule in IDLE_RULES else self._limits
            if rule not in self._rules or (name not in names and rule not in IDLE_RULES):
                one = self._conditions.pop((rule, name))
                if one.is_raised and rule not in IDLE_RULES:
                    yield Alarm("ended", rule, now_s, one.held_s, name)
                elif one.is_raised:
                    yield Alarm("ended", rule, now_s, one.held_s, "", session_key=name)

    def _zones(
        self,
        events: Sequence[Event],
        sessions: Mapping[str, Session],
        *,
        now_s: Seconds,
        seen_s: Seconds,
    ) -> Iterator[Alarm]:
        if self._counts is None or events:
            self._counts = dict.fromkeys(self._limits, 0)
            for session in sessions.values():
                self._counts[session.zone_id] = self._counts.get(session.zone_id, 0) + 1
        is_working = self._is_working(now_s)
        for zone_id, limits in self._limits.items():
            count = self._counts[zone_id]
            status = occupancy_status(count, limits)
            for rule in self._zone_rules:
                holds = status == _STATUS_OF[rule] and (
                    is_working or not self._rules[rule].working_time_only
                )
                key = (rule, zone_id)
                if not holds and key not in self._conditions:
                    continue
                first_s = self._since(events, zone_id, now_s)
                alarm = Alarm("raised", rule, now_s, 0.0, zone_id, count)
                yield from self._held(key, alarm, holds=holds, seen_s=seen_s, first_s=first_s)

    def _since(self, events: Sequence[Event], zone_id: str, now_s: Seconds) -> Seconds:
        """How long ago the change in this zone was that just came to light, in seen time."""
        times = [event.time_s for event in events if event.session.zone_id == zone_id]
        return now_s - max(self._lit_s, *times) if times else 0.0

    def _held(
        self, key: Key, alarm: Alarm, *, holds: bool, seen_s: Seconds, first_s: Seconds
    ) -> Iterator[Alarm]:
        one = self._conditions.get(key)
        if holds:
            held_s = first_s if one is None else one.held_s + seen_s
            one = replace(one or Condition(), held_s=held_s, clear_s=0.0)
            if not one.is_raised and held_s >= self._rules[alarm.rule].seconds:
                one = replace(one, is_raised=True, told_s=held_s)
                yield replace(alarm, held_s=held_s)
            elif one.is_raised and held_s - one.told_s >= _UPDATE_EVERY_S:
                one = replace(one, told_s=held_s)
                yield replace(alarm, change="updated", held_s=held_s)
            self._conditions[key] = one
            return
        assert one is not None
        clear_s = one.clear_s + seen_s
        if not one.is_raised:
            del self._conditions[key]
        elif clear_s >= _CLEAR_S:
            del self._conditions[key]
            at_s = alarm.time_s - clear_s
            yield replace(alarm, change="ended", time_s=at_s, held_s=one.held_s)
        else:
            self._conditions[key] = replace(one, clear_s=clear_s)

    def _idle(self, sessions: Mapping[str, Session], now_s: Seconds) -> Iterator[Alarm]:
        for session in sessions.values():
            if session.state == "idle":
                yield from self._still(session, now_s)
        for rule, name in [key for key in self._conditions if key[0] in IDLE_RULES]:
            known = sessions.get(name)
            if known is None or known.state != "idle":
                one = self._conditions.pop((rule, name))
                zone_id = known.zone_id if known is not None else ""
                end_s = known.since_s if known is not None else now_s
                yield Alarm("ended", rule, end_s, one.held_s, zone_id, session_key=name)

    def _still(self, session: Session, now_s: Seconds) -> Iterator[Alarm]:
        idle_s = session.last_in_s - session.since_s
        for rule in IDLE_RULES:
            known = self._rules.get(rule)
            if known is None or idle_s < known.seconds:
                continue
            key = (rule, session.key)
            one = self._conditions.get(key)
            if one is not None and idle_s - one.told_s < _UPDATE_EVERY_S:
                self._conditions[key] = replace(one, held_s=idle_s)
                continue
            self._conditions[key] = Condition(held_s=idle_s, told_s=idle_s, is_raised=True)
            yield Alarm(
                "raised" if one is None else "updated",
                rule,
                now_s,
                idle_s,
                session.zone_id,
                session_key=session.key,
                worker=session.name,
            )
