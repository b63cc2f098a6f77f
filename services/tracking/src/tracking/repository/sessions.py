"""Rows of sessions and their stretches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import CameraState, SessionRow, Stretch, Worker, Zone

Known = tuple[SessionRow, str | None, str | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions are asked for; None asks for all."""

    worker_id: str | None = None
    zone_id: str | None = None
    state: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    is_open: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL; a session is in a range when any of its time is."""
        found: list[ColumnElement[bool]] = []
        if self.worker_id is not None:
            # Who is not known is called by the track: `UNKNOWN-7`.
            name = func.coalesce(SessionRow.worker_id, func.concat("UNKNOWN-", SessionRow.track_id))
            found.append(name == self.worker_id)
        if self.zone_id is not None:
            found.append(SessionRow.zone_id == self.zone_id)
        if self.state is not None:
            found.append(SessionRow.state == self.state)
        if self.start is not None:
            found.append(SessionRow.until >= self.start)
        if self.end is not None:
            found.append(SessionRow.entry_time < self.end)
        if self.is_open is not None:
            found.append(
                SessionRow.exit_time.is_(None)
                if self.is_open
                else SessionRow.exit_time.is_not(None)
            )
        return found


_KNOWN = (
    select(SessionRow, Worker.name, Zone.name, CameraState.heard_at)
    .outerjoin(Worker, Worker.worker_id == SessionRow.worker_id)
    .outerjoin(Zone, Zone.zone_id == SessionRow.zone_id)
    .outerjoin(CameraState, CameraState.camera_id == SessionRow.camera_id)
)


async def get(session: AsyncSession, session_id: str) -> Known | None:
    """The session of this id, its worker's and zone's names, and when its camera was heard."""
    row = (await session.execute(_KNOWN.where(SessionRow.session_id == session_id))).one_or_none()
    return (row[0], row[1], row[2], row[3]) if row is not None else None


async def page(
    session: AsyncSession, wanted: Wanted, *, limit: int, offset: int
) -> tuple[Sequence[Known], int]:
    """One page of sessions, newest first, and how many there are."""
    where = wanted.conditions()
    total = await session.scalar(select(func.count()).select_from(SessionRow).where(*where))
    statement = (
        _KNOWN.where(*where)
        .order_by(SessionRow.entry_time.desc(), SessionRow.session_id)
        .limit(limit)
        .offset(offset)
    )
    rows = (await session.execute(statement)).all()
    return [(row[0], row[1], row[2], row[3]) for row in rows], total or 0


async def stretches(session: AsyncSession, session_id: str) -> Sequence[Stretch]:
    """A session's stretches, in order."""
    statement = select(Stretch).where(Stretch.session_id == session_id).order_by(Stretch.started_at)
    return (await session.execute(statement)).scalars().all()
