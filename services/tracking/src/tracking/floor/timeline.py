"""What changed of sessions, as rows: each session as it is now, and its new stretches. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tracking.floor.advance import State
from tracking.floor.observations import Seconds
from tracking.floor.sessions import Event, Session
from tracking.floor.sessions import State as Doing

_TURNS: Final[dict[str, Doing]] = {
    "entry": "active",
    "idle_start": "idle",
    "active_resume": "active",
    "unseen_start": "unseen",
    "seen_resume": "active",
}


@dataclass(slots=True)
class Stretched:
    """A session as it is now, and the stretches that are new or that end elsewhere."""

    session: Session
    stretches: list[tuple[Seconds, Doing, Seconds | None]] = field(default_factory=list)


def changed(before: State, after: State, events: Iterable[Event]) -> dict[str, Stretched]:
    """By key, every session that these events or frames have changed.

    Args:
        before: the state from which the frames were followed.
        after: the state to which they led.
        events: what happened in between.
    """
    turns: dict[str, dict[Seconds, Doing]] = {}
    latest: dict[str, Session] = {}
    for event in events:
        session = event.session
        latest[session.key] = session
        known = turns.setdefault(session.key, _open_turn(before, session.key))
        if event.kind == "continued":
            known[session.since_s] = session.state
        elif event.kind in _TURNS:
            known[event.time_s] = _TURNS[event.kind]
    latest |= {
        key: session
        for key, session in after.sessions.items()
        if before.sessions.get(key) is not session
    }
    return {
        key: Stretched(session, _stretches(turns.get(key, {}), session.exit_s))
        for key, session in latest.items()
    }


def _open_turn(before: State, key: str) -> dict[Seconds, Doing]:
    session = before.sessions.get(key)
    return {session.since_s: session.state} if session is not None else {}


def _stretches(
    turns: Mapping[Seconds, Doing], exit_s: Seconds | None
) -> list[tuple[Seconds, Doing, Seconds | None]]:
    times = sorted(turns)
    ends = [*times[1:], exit_s] if times else []
    return [(start, turns[start], end) for start, end in zip(times, ends, strict=True)]
