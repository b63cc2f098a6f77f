"""Rows of inspections, outside of the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from orchestrator.models import Inspection
from orchestrator.repository.clock import ago

_HEAVY_RESULTS = cast(["overlay", "tools"], ARRAY(Text))


@dataclass(frozen=True, slots=True)
class InspectionFilter:
    """What a list of inspections is narrowed to; None means everything."""

    status: str | None = None
    machine_id: str | None = None
    inspection_type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    is_dead: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL."""
        chosen: list[ColumnElement[bool]] = []
        if self.status is not None:
            chosen.append(Inspection.status == self.status)
        if self.machine_id is not None:
            chosen.append(Inspection.machine_id == self.machine_id)
        if self.inspection_type is not None:
            chosen.append(Inspection.inspection_type == self.inspection_type)
        if self.created_after is not None:
            chosen.append(Inspection.created_at >= self.created_after)
        if self.created_before is not None:
            chosen.append(Inspection.created_at < self.created_before)
        if self.is_dead:
            chosen.append(Inspection.dead_at.is_not(None))
        return chosen


async def get(
    session: AsyncSession, inspection_id: str, *, lock: bool = False
) -> Inspection | None:
    """The inspection of this id, anew from the database; locked until the commit if asked."""
    statement = select(Inspection).where(Inspection.id == inspection_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    statement = statement.execution_options(populate_existing=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, chosen: InspectionFilter, *, limit: int, offset: int
) -> tuple[list[tuple[Inspection, dict[str, Any] | None]], int]:
    """One page, newest first, each with the light part of its results; and the whole count."""
    conditions = chosen.conditions()
    count = await session.scalar(select(func.count()).select_from(Inspection).where(*conditions))
    light = Inspection.results.op("-")(_HEAVY_RESULTS)
    order = Inspection.dead_at.desc() if chosen.is_dead else Inspection.created_at.desc()
    statement = (
        select(Inspection, light)
        .options(defer(Inspection.results, raiseload=True))
        .where(*conditions)
        .order_by(order, Inspection.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = (await session.execute(statement)).all()
    return [(row[0], row[1]) for row in rows], count or 0


async def lease_holders(session: AsyncSession, inspection_ids: Sequence[str]) -> dict[str, str]:
    """Which machine holds the lease, of these inspections that are leased."""
    statement = select(Inspection.id, Inspection.machine_id).where(
        Inspection.id.in_(inspection_ids), Inspection.lease_token.is_not(None)
    )
    return {row.id: row.machine_id for row in await session.execute(statement)}


async def fail_waiting_for(session: AsyncSession, machine_id: str, *, error: str) -> list[str]:
    """Fail what waits for one machine alone, as a dead letter; the ids."""
    statement = (
        update(Inspection)
        .where(Inspection.status == "pending", Inspection.target_machine_id == machine_id)
        .values(
            status="failed",
            error_message=error,
            completed_at=func.now(),
            updated_at=func.now(),
            dead_at=func.now(),
        )
        .returning(Inspection.id)
    )
    return list((await session.execute(statement)).scalars())


async def unchecked(session: AsyncSession, *, limit: int) -> Sequence[Inspection]:
    """Waiting inspections whose pipelines were never judged, locked."""
    statement = (
        select(Inspection)
        .where(Inspection.status == "pending", Inspection.is_checked.is_(False))
        .order_by(Inspection.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (await session.execute(statement)).scalars().all()


async def dead_ids(
    session: AsyncSession, inspection_ids: Sequence[str] | None, *, limit: int
) -> list[str]:
    """Dead letters, oldest first; only these, when ids are given."""
    statement = select(Inspection.id).where(Inspection.dead_at.is_not(None))
    if inspection_ids is not None:
        statement = statement.where(Inspection.id.in_(inspection_ids))
    statement = statement.order_by(Inspection.dead_at, Inspection.id).limit(limit)
    return list((await session.execute(statement)).scalars())


async def remove(session: AsyncSession, inspection_ids: Sequence[str]) -> None:
    """Delete inspections with their attempts, artifacts' rows and evidence."""
    await session.execute(delete(Inspection).where(Inspection.id.in_(inspection_ids)))


async def finished_before(session: AsyncSession, *, days: float, limit: int) -> list[str]:
    """Finished inspections past their retention, locked."""
    statement = (
        select(Inspection.id)
        .where(
            Inspection.status.in_(("completed", "failed", "cancelled")),
            Inspection.lease_token.is_(None),
            Inspection.completed_at < ago(days * 86_400),
        )
        .order_by(Inspection.completed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list((await session.execute(statement)).scalars())
