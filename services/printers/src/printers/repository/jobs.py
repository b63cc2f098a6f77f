"""Rows of jobs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Job
from printers.states import ACTIVE

_EARLIER: int = 20


async def get(session: AsyncSession, job_id: int, *, lock: bool = False) -> Job | None:
    """The job of this id; locked, updates to it come one after another."""
    statement = select(Job).where(Job.id == job_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def of_queue_item(session: AsyncSession, queue_id: int) -> Job | None:
    """The job that was made of a queue item."""
    return (await session.execute(select(Job).where(Job.queue_id == queue_id))).scalar_one_or_none()


async def add(session: AsyncSession, **values: Any) -> Job | None:
    """A new job; None when its queue item has one already."""
    statement = insert(Job).values(**values).on_conflict_do_nothing(index_elements=[Job.queue_id])
    result = await session.execute(statement.returning(Job))
    return result.scalar_one_or_none()


async def active_of(session: AsyncSession, printer_id: str, *, lock: bool = False) -> Sequence[Job]:
    """A printer's active jobs, oldest first."""
    statement = (
        select(Job).where(Job.printer_id == printer_id, Job.status.in_(ACTIVE)).order_by(Job.id)
    )
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalars().all()


async def newest_of(session: AsyncSession, printer_id: str) -> Job | None:
    """A printer's newest job."""
    statement = select(Job).where(Job.printer_id == printer_id).order_by(Job.id.desc()).limit(1)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession,
    *,
    printer_id: str | None,
    status: str | None,
    limit: int,
    offset: int,
) -> tuple[Sequence[Job], int]:
    """One page of jobs, newest first, and how many there are."""
    conditions = []
    if printer_id is not None:
        conditions.append(Job.printer_id == printer_id)
    if status is not None:
        conditions.append(Job.status == status)
    count = await session.scalar(select(func.count()).select_from(Job).where(*conditions))
    statement = select(Job).where(*conditions).order_by(Job.id.desc()).limit(limit).offset(offset)
    return (await session.execute(statement)).scalars().all(), count or 0


async def usual_seconds(session: AsyncSession, files: Sequence[str]) -> dict[str, float]:
    """By model file, the median printing time of its last completed prints."""
    if not files:
        return {}
    ranked = (
        select(
            Job.model_file,
            Job.printed_s,
            func.row_number()
            .over(partition_by=Job.model_file, order_by=Job.completed_at.desc())
            .label("place"),
        )
        .where(Job.model_file.in_(files), Job.status == "completed", Job.printed_s > 0)
        .subquery("ranked")
    )
    statement = (
        select(ranked.c.model_file, func.percentile_cont(0.5).within_group(ranked.c.printed_s))
        .where(ranked.c.place <= _EARLIER)
        .group_by(ranked.c.model_file)
    )
    return {row[0]: float(row[1]) for row in (await session.execute(statement)).all()}
