"""Sessions and occupancy on the wire (contract, `tracking.md` and chapter 6)."""

from datetime import datetime
from typing import Literal

from tracking.schemas.wire import Wire

SessionState = Literal["active", "idle", "unseen", "completed"]
TimelineEvent = Literal[
    "entry", "idle_start", "active_resume", "unseen_start", "seen_resume", "exit"
]


class SessionView(Wire):
    """A stay; its seconds reach up to the last sight."""

    session_id: str
    worker_id: str
    worker_name: str | None
    zone_id: str
    zone_name: str | None
    camera_id: str
    track_id: int | str
    entry_time: datetime
    exit_time: datetime | None
    duration_seconds: float
    total_active_seconds: float
    total_idle_seconds: float
    unseen_seconds: float
    productivity: float | None
    state: SessionState
    motion_score: float
    index_number: int | None
    shift: str | None


class TimelineEntry(Wire):
    """Something that happened in a stay; `duration` is that of the state that it began."""

    timestamp: datetime
    event: TimelineEvent
    state: SessionState
    duration: float | None = None


class SessionDetail(SessionView):
    """A stay and what happened in it."""

    timeline: list[TimelineEntry]


class ActiveSessions(Wire):
    """Stays that go on now."""

    total: int
    sessions: list[SessionView]


class SessionList(Wire):
    """A page of stays, newest first."""

    total: int
    limit: int
    offset: int
    sessions: list[SessionView]


class Occupant(Wire):
    """Somebody in a zone."""

    worker_id: str
    name: str | None
    session_id: str
    entry_time: datetime
    duration_seconds: float
    state: SessionState


class Occupancy(Wire):
    """Who is in a zone now."""

    zone_id: str
    zone_name: str
    current_count: int
    min_workers: int
    max_workers: int | None
    status: Literal["normal", "empty", "understaffed", "overcrowded"]
    workers: list[Occupant]
