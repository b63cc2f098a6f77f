"""Readings over a job's time; the longer it prints, the wider its points become."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, case, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Point


async def keep(
    session: AsyncSession, job_id: int, *, bucket: int, at: datetime, readings: Mapping[str, Any]
) -> bool:
    """Merge readings into their point, the newer over the older; True when it is a new point."""
    statement = insert(Point).values(job_id=job_id, bucket=bucket, at=at, readings=dict(readings))
    fresh = statement.excluded
    merged = case(
        (fresh.at >= Point.at, Point.readings.op("||")(fresh.readings)),
        else_=fresh.readings.op("||")(Point.readings),
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Point.job_id, Point.bucket],
        set_={"at": func.greatest(Point.at, fresh.at), "readings": merged},
    )
    is_new = literal_column("(xmax = 0)", Boolean)
    return (await session.execute(statement.returning(is_new))).scalar_one()


async def all_of(session: AsyncSession, job_id: int) -> list[tuple[int, datetime, dict[str, Any]]]:
    """A job's points in time's order: bucket, time and readings."""
    statement = (
        select(Point.bucket, Point.at, Point.readings)
        .where(Point.job_id == job_id)
        .order_by(Point.bucket)
    )
    return [(row[0], row[1], row[2]) for row in (await session.execute(statement)).all()]


async def replace(session: AsyncSession, job_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Keep these points in the place of all others of the job."""
    await session.execute(
        delete(Point).where(Point.job_id == job_id).execution_options(synchronize_session=False)
    )
    if rows:
        await session.execute(insert(Point), list(rows))
