"""Rows of the print queue."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Job, QueueItem


async def get(session: AsyncSession, item_id: int, *, lock: bool = False) -> QueueItem | None:
    """The item of this id; locked, nobody else starts it."""
    statement = select(QueueItem).where(QueueItem.id == item_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, *, is_waiting: bool | None, limit: int, offset: int
) -> tuple[Sequence[tuple[QueueItem, Job | None]], int]:
    """One page of items, oldest first, each with its job."""
    statement = select(QueueItem, Job).outerjoin(Job, Job.queue_id == QueueItem.id)
    if is_waiting is not None:
        statement = statement.where(Job.id.is_(None) if is_waiting else Job.id.is_not(None))
    count = await session.scalar(select(func.count()).select_from(statement.subquery("items")))
    ordered = statement.order_by(QueueItem.id).limit(limit).offset(offset)
    return [(row[0], row[1]) for row in (await session.execute(ordered)).all()], count or 0


async def waiting_for(session: AsyncSession, printer_id: str) -> Sequence[QueueItem]:
    """What this printer is to print and has not begun, oldest first; locked."""
    statement = (
        select(QueueItem)
        .outerjoin(Job, Job.queue_id == QueueItem.id)
        .where(QueueItem.printer_id == printer_id, Job.id.is_(None))
        .order_by(QueueItem.id)
        .limit(200)
        .with_for_update(of=QueueItem, skip_locked=True)
    )
    return (await session.execute(statement)).scalars().all()


async def remove(session: AsyncSession, item_id: int) -> None:
    """Delete an item; a job that was made of it stays."""
    await session.execute(delete(QueueItem).where(QueueItem.id == item_id))
