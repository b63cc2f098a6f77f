"""Rows of workers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import Worker

_STATISTICS = text("""
SELECT count(*), coalesce(sum(active_s), 0), coalesce(sum(idle_s), 0), coalesce(sum(unseen_s), 0)
FROM tracking.sessions WHERE worker_id = :worker_id
""")
_DAYS_PRESENT = text("""
SELECT DISTINCT (entry_time AT TIME ZONE :zone)::date
FROM tracking.sessions WHERE worker_id = :worker_id AND entry_time >= :since
""")


async def get(session: AsyncSession, worker_id: str, *, lock: bool = False) -> Worker | None:
    """The worker of this id."""
    statement = select(Worker).where(Worker.worker_id == worker_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, *, active: bool | None, shift: str | None, limit: int, offset: int
) -> tuple[Sequence[Worker], int]:
    """One page of workers by id, and how many there are."""
    where: list[ColumnElement[bool]] = []
    if active is not None:
        where.append(Worker.active.is_(active))
    if shift is not None:
        where.append(Worker.shift == shift)
    total = await session.scalar(select(func.count()).select_from(Worker).where(*where))
    statement = select(Worker).where(*where).order_by(Worker.worker_id)
    found = await session.execute(statement.limit(limit).offset(offset))
    return found.scalars().all(), total or 0


async def of_badge(session: AsyncSession, badge_id: str) -> Worker | None:
    """The active worker who wears this badge."""
    statement = select(Worker).where(Worker.badge_id == badge_id, Worker.active.is_(True))
    return (await session.execute(statement)).scalar_one_or_none()


async def badges(session: AsyncSession) -> Mapping[str, str]:
    """Which active worker wears which badge."""
    statement = select(Worker.badge_id, Worker.worker_id).where(
        Worker.active.is_(True), Worker.badge_id.is_not(None)
    )
    return {badge: worker for badge, worker in (await session.execute(statement)).all() if badge}


async def names(session: AsyncSession) -> Mapping[str, str]:
    """Every worker's name by id, those who left too."""
    statement = select(Worker.worker_id, Worker.name)
    return {worker: name for worker, name in (await session.execute(statement)).all()}


async def sums(session: AsyncSession, worker_id: str) -> tuple[int, float, float, float]:
    """Sessions, and their active, idle and unseen seconds."""
    row = (await session.execute(_STATISTICS, {"worker_id": worker_id})).one()
    return int(row[0]), float(row[1]), float(row[2]), float(row[3])


async def days_present(
    session: AsyncSession, worker_id: str, *, zone: str, since: datetime
) -> set[date]:
    """The days on which the worker was seen."""
    found = await session.execute(
        _DAYS_PRESENT, {"worker_id": worker_id, "zone": zone, "since": since}
    )
    return set(found.scalars())
