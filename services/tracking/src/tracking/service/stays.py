"""Sessions as users see them: lists, one with its timeline, and who is in a zone."""

from collections.abc import Sequence
from datetime import UTC, datetime

from common.db import Database
from tracking.floor.alarms import Limits, occupancy_status
from tracking.models import SessionRow, Stretch
from tracking.repository import sessions
from tracking.schemas.sessions import (
    ActiveSessions,
    Occupancy,
    Occupant,
    SessionDetail,
    SessionList,
    SessionView,
    TimelineEntry,
    TimelineEvent,
)
from tracking.service.gone import SessionGone
from tracking.service.people import productivity
from tracking.service.places import known as known_zone
from tracking.service.telling import track_number

_MOST_OPEN = 10_000


class StayService:
    """What users ask of sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def active(self, zone_id: str | None) -> ActiveSessions:
        """Sessions that go on now, of one zone or of all."""
        wanted = sessions.Wanted(zone_id=zone_id, is_open=True)
        async with self._database.transaction() as session:
            found, total = await sessions.page(session, wanted, limit=_MOST_OPEN, offset=0)
        return ActiveSessions(total=total, sessions=[view_of(one) for one in found])

    async def page(self, wanted: sessions.Wanted, *, limit: int, offset: int) -> SessionList:
        """One page of sessions, newest first."""
        async with self._database.transaction() as session:
            found, total = await sessions.page(session, wanted, limit=limit, offset=offset)
        views = [view_of(one) for one in found]
        return SessionList(total=total, limit=limit, offset=offset, sessions=views)

    async def get(self, session_id: str) -> SessionDetail:
        """One session and its timeline.

        Raises:
            SessionGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            known = await sessions.get(session, session_id)
            if known is None:
                raise SessionGone(session_id)
            parts = await sessions.stretches(session, session_id)
        timeline = timeline_of(known[0], parts)
        return SessionDetail(**view_of(known).model_dump(), timeline=timeline)

    async def occupancy(self, zone_id: str) -> Occupancy:
        """Who is in a zone now.

        Raises:
            ZoneGone: there is none of this id.
        """
        wanted = sessions.Wanted(zone_id=zone_id, is_open=True)
        async with self._database.transaction() as session:
            zone = await known_zone(session, zone_id)
            found, total = await sessions.page(session, wanted, limit=_MOST_OPEN, offset=0)
        views = sorted((view_of(one) for one in found), key=lambda view: view.entry_time)
        limits = Limits(zone.min_workers, zone.max_workers)
        return Occupancy(
            zone_id=zone.zone_id,
            zone_name=zone.name,
            current_count=total,
            min_workers=zone.min_workers,
            max_workers=zone.max_workers,
            status=occupancy_status(total, limits),
            workers=[
                Occupant(
                    worker_id=view.worker_id,
                    name=view.worker_name,
                    session_id=view.session_id,
                    entry_time=view.entry_time,
                    duration_seconds=view.duration_seconds,
                    state=view.state,
                )
                for view in views
            ],
        )


def view_of(known: sessions.Known) -> SessionView:
    """A session as users see it; a dark camera's open session gathers unseen time."""
    row, worker_name, zone_name, heard_at = known
    dark_s = 0.0
    if row.exit_time is None and row.state == "unseen" and heard_at is not None:
        dark_s = max(0.0, (datetime.now(UTC) - heard_at).total_seconds())
    unseen_s = row.unseen_s + dark_s
    return SessionView(
        session_id=row.session_id,
        worker_id=row.worker_id or f"UNKNOWN-{row.track_id}",
        worker_name=worker_name,
        zone_id=row.zone_id,
        zone_name=zone_name,
        camera_id=row.camera_id,
        track_id=track_number(row.track_id),
        entry_time=row.entry_time,
        exit_time=row.exit_time,
        duration_seconds=round(row.active_s + row.idle_s + unseen_s, 3),
        total_active_seconds=round(row.active_s, 3),
        total_idle_seconds=round(row.idle_s, 3),
        unseen_seconds=round(unseen_s, 3),
        productivity=productivity(row.active_s, row.idle_s),
        state=row.state,
        motion_score=round(row.motion_score, 3),
        index_number=row.index_number,
        shift=row.shift,
    )


def timeline_of(row: SessionRow, parts: Sequence[Stretch]) -> list[TimelineEntry]:
    """What happened, from the stretches; neighbours in one state are one stretch."""
    merged: list[tuple[datetime, str, datetime | None]] = []
    for part in parts:
        if merged and merged[-1][1] == part.state:
            merged[-1] = (merged[-1][0], part.state, part.ended_at)
        else:
            merged.append((part.started_at, part.state, part.ended_at))
    entries: list[TimelineEntry] = []
    before = None
    for start, state, end in merged:
        entries.append(
            TimelineEntry(
                timestamp=start,
                event=_event(before, state),
                state=state,
                duration=round((end - start).total_seconds(), 3) if end is not None else None,
            )
        )
        before = state
    if row.exit_time is not None:
        entries.append(TimelineEntry(timestamp=row.exit_time, event="exit", state="completed"))
    return entries


def _event(before: str | None, state: str) -> TimelineEvent:
    if before is None:
        return "entry"
    if state == "idle":
        return "idle_start"
    if state == "unseen":
        return "unseen_start"
    return "seen_resume" if before == "unseen" else "active_resume"
