"""Orders to workers: one is under way for each, and one replica at a time carries it on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import Operation

_LEASED: Final = text("""
    UPDATE cluster.operations SET leased_until = now() + make_interval(secs => :lease_s)
    WHERE id IN (
        SELECT id FROM cluster.operations
        WHERE completed_at IS NULL AND (leased_until IS NULL OR leased_until < now())
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
""")


async def begin(session: AsyncSession, operation: Operation) -> Operation:
    """Add an order, or find the one that is under way for this worker."""
    names = ("id", "worker_id", "kind", "action", "requested_by")
    statement = (
        insert(Operation)
        .values(**{name: getattr(operation, name) for name in names})
        .on_conflict_do_update(
            index_elements=[Operation.worker_id],
            index_where=text("completed_at IS NULL"),
            set_={"worker_id": Operation.worker_id},
        )
        .returning(Operation)
    )
    return (await session.execute(statement)).scalars().one()


async def get(session: AsyncSession, operation_id: str) -> Operation | None:
    """One order."""
    return await session.get(Operation, operation_id)


async def listed(
    session: AsyncSession, *, worker_id: str | None, limit: int
) -> Sequence[Operation]:
    """Orders, newest first."""
    statement = select(Operation).order_by(Operation.created_at.desc()).limit(limit)
    if worker_id is not None:
        statement = statement.where(Operation.worker_id == worker_id)
    return (await session.execute(statement)).scalars().all()


async def under_way(session: AsyncSession) -> dict[str, str]:
    """The id of the order that is under way, by worker."""
    statement = select(Operation.worker_id, Operation.id).where(Operation.completed_at.is_(None))
    return dict((await session.execute(statement)).tuples().all())


async def lease(session: AsyncSession, *, most: int, lease_s: float) -> list[str]:
    """Take orders that nobody carries on."""
    rows = await session.execute(_LEASED, {"lease_s": lease_s, "most": most})
    return [str(row[0]) for row in rows]


async def renew(session: AsyncSession, operation_id: str, *, lease_s: float) -> None:
    """Keep an order."""
    until = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, lease_s)
    statement = update(Operation).where(Operation.id == operation_id).values(leased_until=until)
    await session.execute(statement)


async def advance(session: AsyncSession, operation_id: str, values: Mapping[str, Any]) -> None:
    """Write down how far an order has come."""
    statement = (
        update(Operation)
        .where(Operation.id == operation_id, Operation.completed_at.is_(None))
        .values(**values, updated_at=func.now())
    )
    await session.execute(statement)


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete orders that ended before then."""
    await session.execute(delete(Operation).where(Operation.completed_at < before))
