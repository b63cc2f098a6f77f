"""Tells viewers, after the commit, what a batch led to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tracking.events import Events
from tracking.floor.following import Memory
from tracking.floor.sessions import Event, Session
from tracking.repository.intake import moment
from tracking.service.plans import Plan

_TOLD: Final = frozenset(
    {"entry", "idle_start", "active_resume", "unseen_start", "seen_resume", "exit"}
)


@dataclass(frozen=True, slots=True)
class Happened:
    """What is worth telling of one batch."""

    plan: Plan
    memory: Memory
    events: list[Event] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)


class Teller:
    """Publishes what happened."""

    def __init__(self, events: Events) -> None:
        self._events = events
        # Of today, by zone: kept by the tick that reckons the floor's metrics.
        self.productivities: dict[str, float | None] = {}

    async def tell(self, happened: Happened) -> None:
        """Session by session, then zone by zone, then alerts."""
        for event in happened.events:
            if event.kind in _TOLD:
                session = session_event(event.session)
                await self._events.session(event.kind, session, moment(event.time_s))
        sessions = happened.memory.state.sessions
        clock_s = happened.memory.state.clock_s
        for zone_id in dict.fromkeys(event.session.zone_id for event in happened.events):
            data = self._zone(zone_id, sessions)
            await self._events.zone(zone_id, data, moment(clock_s or 0.0))
        await self.alerts(happened.alerts)

    async def alerts(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Alerts as they are now."""
        for row in rows:
            await self._events.alert(dict(row))

    def _zone(self, zone_id: str, sessions: Mapping[str, Session]) -> dict[str, Any]:
        here = [session for session in sessions.values() if session.zone_id == zone_id]
        return {
            "workers_count": len(here),
            "productivity": self.productivities.get(zone_id),
            "active_sessions": [
                {
                    "session_id": session.key,
                    "worker_id": session.name,
                    "state": session.state,
                    "duration": round(session.last_in_s - session.entry_s),
                }
                for session in here
            ],
        }


def session_event(session: Session) -> dict[str, Any]:
    """A session as viewers get it."""
    return {
        "session_id": session.key,
        "worker_id": session.name,
        "zone_id": session.zone_id,
        "track_id": track_number(session.track_id),
        "entry_time": _utc(session.entry_s),
        "exit_time": _utc(session.exit_s) if session.exit_s is not None else None,
        "state": "completed" if session.exit_s is not None else session.state,
    }


def track_number(track_id: str) -> int | str:
    """A track's id as its sender wrote it."""
    return int(track_id) if track_id.lstrip("-").isdecimal() and track_id.isascii() else track_id


def _utc(time_s: float) -> str:
    return moment(time_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")
