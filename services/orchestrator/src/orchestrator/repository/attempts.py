"""Rows that come with an inspection: attempts, late reports and artifacts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.models import Artifact, Attempt, LateReport

# A machine that repeats itself for ever must not fill the disk.
_MOST_LATE_REPORTS = 20


async def of(session: AsyncSession, inspection_id: str) -> Sequence[Attempt]:
    """Every attempt of an inspection, in order."""
    statement = (
        select(Attempt).where(Attempt.inspection_id == inspection_id).order_by(Attempt.attempt)
    )
    return (await session.execute(statement)).scalars().all()


async def was_held_by(session: AsyncSession, inspection_id: str, machine_id: str) -> bool:
    """True when this machine ever had a lease of this inspection."""
    statement = select(
        select(Attempt.attempt)
        .where(Attempt.inspection_id == inspection_id, Attempt.machine_id == machine_id)
        .exists()
    )
    return bool(await session.scalar(statement))


async def end(
    session: AsyncSession,
    inspection_id: str,
    attempt: int,
    *,
    outcome: str,
    error: str | None = None,
    processing_time_s: float | None = None,
) -> None:
    """Write down how an attempt ended."""
    await session.execute(
        update(Attempt)
        .where(Attempt.inspection_id == inspection_id, Attempt.attempt == attempt)
        .values(
            ended_at=func.now(),
            outcome=outcome,
            error=error,
            processing_time_s=processing_time_s,
        )
    )


async def keep_late_report(
    session: AsyncSession, inspection_id: str, machine_id: str, *, report: dict[str, Any]
) -> None:
    """Keep a report that changes nothing, as long as there are not too many of them."""
    kept = (
        select(func.count())
        .select_from(LateReport)
        .where(LateReport.inspection_id == inspection_id)
    )
    if (await session.scalar(kept) or 0) < _MOST_LATE_REPORTS:
        session.add(LateReport(inspection_id=inspection_id, machine_id=machine_id, report=report))


async def late_reports(session: AsyncSession, inspection_id: str) -> Sequence[LateReport]:
    """What came too late or twice, in order."""
    statement = (
        select(LateReport).where(LateReport.inspection_id == inspection_id).order_by(LateReport.id)
    )
    return (await session.execute(statement)).scalars().all()


async def save_artifact(session: AsyncSession, artifact: dict[str, Any]) -> None:
    """Keep an artifact's row; the same name again in one attempt replaces it."""
    statement = insert(Artifact).values(artifact)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["inspection_id", "attempt", "name"],
            set_={
                "media_type": statement.excluded.media_type,
                "size_bytes": statement.excluded.size_bytes,
                "storage_key": statement.excluded.storage_key,
                "created_at": func.now(),
            },
        )
    )


async def artifact_count(session: AsyncSession, inspection_id: str, attempt: int) -> int:
    """How many artifacts an attempt has left."""
    statement = select(func.count()).where(
        Artifact.inspection_id == inspection_id, Artifact.attempt == attempt
    )
    return int(await session.scalar(statement) or 0)


async def artifacts(
    session: AsyncSession, inspection_id: str, *, attempt: int | None = None
) -> Sequence[Artifact]:
    """The artifacts of one attempt, or of all of them."""
    statement = select(Artifact).where(Artifact.inspection_id == inspection_id)
    if attempt is not None:
        statement = statement.where(Artifact.attempt == attempt)
    statement = statement.order_by(Artifact.attempt, Artifact.name)
    return (await session.execute(statement)).scalars().all()


async def artifact_keys(session: AsyncSession, inspection_ids: Sequence[str]) -> list[str]:
    """Where the artifacts of these inspections lie."""
    statement = select(Artifact.storage_key).where(Artifact.inspection_id.in_(inspection_ids))
    return list((await session.execute(statement)).scalars())


async def artifact(
    session: AsyncSession, inspection_id: str, name: str, *, attempt: int
) -> Artifact | None:
    """One artifact of one attempt."""
    return await session.get(Artifact, (inspection_id, attempt, name))
