"""One camera's whole state, and what its next frames make of it: sessions and alarms. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import orjson

from tracking.floor.advance import Floor, State
from tracking.floor.alarms import Alarm, AlarmRule, Alarms, Limits, Watch
from tracking.floor.geometry import Areas
from tracking.floor.observations import Frame, Identities, Rules, Seconds
from tracking.floor.sessions import Event


@dataclass(frozen=True, slots=True)
class Memory:
    """The floor's state and the alarms'."""

    state: State = field(default_factory=State)
    alarms: Alarms = field(default_factory=Alarms)

    def as_text(self) -> str:
        """As a column holds it."""
        values = {"state": self.state.as_json(), "alarms": self.alarms.as_json()}
        return orjson.dumps(values).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `as_text` wrote; an empty text is a camera that has seen nothing yet."""
        if not text:
            return cls()
        values = orjson.loads(text)
        return cls(State.from_json(values["state"]), Alarms.from_json(values["alarms"]))


@dataclass(frozen=True)
class Outlook:
    """What a camera's frames are judged by: everything that is in force for it."""

    areas: Areas
    rules: Rules
    identities: Identities
    limits: Mapping[str, Limits]
    alarm_rules: Mapping[str, AlarmRule]
    is_working: Callable[[Seconds], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What frames led to."""

    memory: Memory
    events: list[Event]
    alarms: list[Alarm]


def follow(memory: Memory, frames: Iterable[Frame], outlook: Outlook) -> Outcome:
    """Take frames in, in any order, none older than the memory."""
    floor = Floor(
        memory.state, zones=outlook.areas, rules=outlook.rules, identities=outlook.identities
    )
    watch = Watch(
        memory.alarms,
        rules=outlook.alarm_rules,
        limits=outlook.limits,
        is_working=outlook.is_working,
    )
    events: list[Event] = []
    alarms: list[Alarm] = []
    for frame in sorted(frames, key=lambda f: f.time_s):
        passed_s = 0.0 if floor.clock_s is None else frame.time_s - floor.clock_s
        new = list(floor.take(frame))
        events += new
        alarms += watch.after(
            new,
            floor.sessions,
            now_s=frame.time_s,
            passed_s=passed_s,
            is_dark=passed_s > outlook.rules.exit_hold_s,
        )
    return Outcome(Memory(floor.state(), watch.alarms()), events, alarms)


def give_up(memory: Memory, outlook: Outlook) -> Outcome:
    """End what a camera saw last: it has been dark for longer than any session lasts."""
    floor = Floor(
        memory.state, zones=outlook.areas, rules=outlook.rules, identities=outlook.identities
    )
    events = list(floor.expire())
    return Outcome(Memory(floor.state()), events, [])
