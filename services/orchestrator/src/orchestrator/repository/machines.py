"""Rows of machines, of their tool catalogues and of their measured costs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.models import Catalogue, Cost, Inspection, Machine
from orchestrator.repository.clock import ago, from_now

# A mean that follows: the first samples count in full, each later one for a fifth.
_NEWEST_COUNTS = 0.2
_UNUSED_CATALOGUE_S = 3600.0


def _leases() -> ColumnElement[int]:
    """How many leases a machine holds, for each machine of a query."""
    return (
        select(func.count())
        .select_from(Inspection)
        .where(Inspection.machine_id == Machine.id, Inspection.lease_token.is_not(None))
        .correlate(Machine)
        .scalar_subquery()
    )


async def get(session: AsyncSession, machine_id: str, *, lock: bool = False) -> Machine | None:
    """The machine of this id; locked, its capacity does not change until the commit."""
    statement = select(Machine).where(Machine.id == machine_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def get_by_name(session: AsyncSession, name: str) -> Machine | None:
    """The machine of this name, locked."""
    statement = select(Machine).where(Machine.name == name).with_for_update(key_share=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def get_with_leases(session: AsyncSession, machine_id: str) -> tuple[Machine, int] | None:
    """The machine and how many leases it holds."""
    statement = select(Machine, _leases()).where(Machine.id == machine_id)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


async def list_with_leases(
    session: AsyncSession, *, status: str | None, name: str | None, limit: int, offset: int
) -> tuple[Sequence[tuple[Machine, int]], int]:
    """One page of machines by name, each with its leases, and how many there are in all."""
    conditions = []
    if status is not None:
        conditions.append(Machine.status == status)
    if name is not None:
        conditions.append(Machine.name.icontains(name, autoescape=True))
    count = await session.scalar(select(func.count()).select_from(Machine).where(*conditions))
    statement = (
        select(Machine, _leases())
        .where(*conditions)
        .order_by(Machine.name, Machine.id)
        .limit(limit)
        .offset(offset)
    )
    rows = (await session.execute(statement)).all()
    return [(row[0], row[1]) for row in rows], count or 0


async def all_with_leases(session: AsyncSession) -> Sequence[tuple[Machine, int]]:
    """Every machine with its leases, by id."""
    rows = (await session.execute(select(Machine, _leases()).order_by(Machine.id))).all()
    return [(row[0], row[1]) for row in rows]


async def known_ids(session: AsyncSession, machine_ids: Sequence[str]) -> set[str]:
    """Which of these machines exist."""
    statement = select(Machine.id).where(Machine.id.in_(machine_ids))
    return set((await session.execute(statement)).scalars())


async def remove(session: AsyncSession, machine_id: str) -> None:
    """Delete a machine with its costs; what it did stays in the attempts."""
    await session.execute(delete(Machine).where(Machine.id == machine_id))


async def silence(session: AsyncSession, *, after_s: float) -> list[str]:
    """Mark machines that have not been heard for so long as offline; their ids."""
    silent = (
        select(Machine.id)
        .where(
            Machine.reported_status != "offline",
            Machine.last_seen_at < ago(after_s),
        )
        .with_for_update(skip_locked=True, key_share=True)
    )
    statement = (
        update(Machine)
        .where(Machine.id.in_(silent))
        .values(
            status=case((Machine.is_in_maintenance, "maintenance"), else_="offline"),
            reported_status="offline",
            reported_inspections=0,
        )
        .returning(Machine.id)
    )
    return list((await session.execute(statement)).scalars())


async def block(session: AsyncSession, machine_id: str, *, for_s: float, error: str) -> None:
    """Push nothing to a machine for a while; `for_s` doubles with each failure in a row."""
    delay = func.least(for_s * func.power(2, func.least(Machine.push_failures, 10)), 60.0)
    await session.execute(
        update(Machine)
        .where(Machine.id == machine_id)
        .values(
            blocked_until=from_now(delay),
            push_failures=Machine.push_failures + 1,
            last_push_error=error,
        )
    )


async def pause(session: AsyncSession, machine_id: str, *, for_s: float) -> None:
    """Push nothing to a machine for a moment: it said that it is full."""
    await session.execute(
        update(Machine).where(Machine.id == machine_id).values(blocked_until=from_now(for_s))
    )


async def unblock(session: AsyncSession, machine_id: str) -> None:
    """Forget earlier failures: the machine took a push."""
    await session.execute(
        update(Machine)
        .where(Machine.id == machine_id, Machine.push_failures > 0)
        .values(blocked_until=None, push_failures=0, last_push_error=None)
    )


async def catalogue_digests(session: AsyncSession) -> tuple[str, ...]:
    """The catalogues in use, the one that was registered last coming last."""
    statement = (
        select(Machine.catalogue_digest)
        .where(Machine.catalogue_digest.is_not(None))
        .group_by(Machine.catalogue_digest)
        .order_by(func.max(Machine.registered_at), Machine.catalogue_digest)
    )
    return tuple(digest for digest in (await session.execute(statement)).scalars() if digest)


async def catalogues(session: AsyncSession, digests: Sequence[str]) -> dict[str, list[Any]]:
    """The tools of each of these catalogues."""
    statement = select(Catalogue.digest, Catalogue.tools).where(Catalogue.digest.in_(digests))
    return {row.digest: row.tools for row in await session.execute(statement)}


async def has_catalogue(session: AsyncSession, digest: str) -> bool:
    """True when this catalogue was sent before."""
    return await session.get(Catalogue, digest) is not None


async def save_catalogue(session: AsyncSession, digest: str, tools: list[dict[str, Any]]) -> None:
    """Keep a catalogue, or note that it is in use again."""
    statement = insert(Catalogue).values(digest=digest, tools=tools)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["digest"], set_={"created_at": func.now()})
    )


async def remove_unused_catalogues(session: AsyncSession) -> None:
    """Delete catalogues that no machine has."""
    used = select(Machine.id).where(Machine.catalogue_digest == Catalogue.digest).exists()
    await session.execute(
        delete(Catalogue).where(~used, Catalogue.created_at < ago(_UNUSED_CATALOGUE_S))
    )


async def measured_costs(session: AsyncSession) -> dict[tuple[str, str], float]:
    """Measured seconds by machine and inspection type."""
    rows = await session.execute(select(Cost.machine_id, Cost.inspection_type, Cost.mean_s))
    return {(row.machine_id, row.inspection_type): row.mean_s for row in rows}


async def record_cost(
    session: AsyncSession, machine_id: str, inspection_type: str, *, seconds: float
) -> None:
    """Let one measured time move the mean of its machine and type."""
    weight = func.greatest(_NEWEST_COUNTS, 1.0 / (Cost.samples + 1))
    statement = insert(Cost).values(
        machine_id=machine_id, inspection_type=inspection_type, mean_s=seconds, samples=1
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["machine_id", "inspection_type"],
            set_={
                "mean_s": Cost.mean_s + weight * (statement.excluded.mean_s - Cost.mean_s),
                "samples": Cost.samples + 1,
                "updated_at": func.now(),
            },
        )
    )
