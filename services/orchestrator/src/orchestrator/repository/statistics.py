"""Figures over many rows: the dashboard's totals and a machine's statistics."""

from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.models import Inspection, Machine

_PERFORMANCE: Final = text("""
    SELECT count(*) FILTER (WHERE outcome = 'completed') AS completed,
           count(*) FILTER (WHERE outcome = 'failed') AS failed,
           count(*) FILTER (WHERE outcome = 'completed'
                            AND ended_at > now() - interval '1 hour') AS completed_last_hour,
           avg(processing_time_s) FILTER (WHERE outcome = 'completed') AS mean_s
    FROM orchestrator.attempts
    WHERE ended_at > now() - interval '24 hours'
      AND (CAST(:machine_id AS text) IS NULL OR machine_id = :machine_id)
""")

# Outcomes count where an attempt began, busy time where it was spent: one attempt may reach over
# several buckets.
_BREAKDOWN: Final = text("""
    WITH chosen AS (
        SELECT started_at, outcome, processing_time_s,
               GREATEST(started_at, :start) AS busy_from,
               LEAST(COALESCE(ended_at, now()), :end) AS busy_to
        FROM orchestrator.attempts
        WHERE machine_id = :machine_id AND started_at < :end
          AND COALESCE(ended_at, now()) > :start
    ), counted AS (
        SELECT date_bin(make_interval(secs => :bucket_s), started_at, :start) AS bucket,
               count(*) AS total,
               count(*) FILTER (WHERE outcome = 'completed') AS completed,
               count(*) FILTER (WHERE outcome = 'failed') AS failed,
               count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE outcome IN ('lease_expired', 'machine_offline')) AS lost,
               avg(processing_time_s) FILTER (WHERE outcome = 'completed') AS mean_s,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time_s)
                   FILTER (WHERE outcome = 'completed') AS p95_s
        FROM chosen
        WHERE started_at >= :start
        GROUP BY GROUPING SETS ((1), ())
    ), spent AS (
        SELECT slice AS bucket,
               sum(EXTRACT(EPOCH FROM
                   LEAST(busy_to, slice + make_interval(secs => :bucket_s))
                   - GREATEST(busy_from, slice))) AS busy_s
        FROM chosen, generate_series(
            date_bin(make_interval(secs => :bucket_s), busy_from, :start), busy_to,
            make_interval(secs => :bucket_s)) AS slice
        GROUP BY GROUPING SETS ((1), ())
    )
    SELECT bucket, total, completed, failed, cancelled, lost, mean_s, p95_s,
           CAST(COALESCE(busy_s, 0) AS double precision) AS busy_s
    FROM counted FULL JOIN spent USING (bucket)
    WHERE bucket IS NOT NULL
    UNION ALL
    SELECT NULL, total, completed, failed, cancelled, lost, mean_s, p95_s,
           CAST(COALESCE((SELECT busy_s FROM spent WHERE bucket IS NULL), 0) AS double precision)
    FROM counted WHERE bucket IS NULL
    ORDER BY bucket NULLS FIRST
""")


async def inspections_by_status(
    session: AsyncSession, *, machine_id: str | None = None
) -> dict[str, int]:
    """How many inspections there are in each state; of one machine, only what it holds now."""
    statement = select(Inspection.status, func.count()).group_by(Inspection.status)
    if machine_id is not None:
        statement = statement.where(
            Inspection.machine_id == machine_id, Inspection.lease_token.is_not(None)
        )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def machines_by_status(session: AsyncSession) -> dict[str, int]:
    """How many machines there are in each state."""
    statement = select(Machine.status, func.count()).group_by(Machine.status)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def performance(session: AsyncSession, *, machine_id: str | None = None) -> RowMapping:
    """What was done in the last 24 hours and the last hour."""
    return (await session.execute(_PERFORMANCE, {"machine_id": machine_id})).mappings().one()


async def breakdown(
    session: AsyncSession, machine_id: str, *, start: datetime, end: datetime, bucket_s: int
) -> list[RowMapping]:
    """A machine's attempts by time bucket; the first row, without a bucket, is the whole."""
    values = {"machine_id": machine_id, "start": start, "end": end, "bucket_s": float(bucket_s)}
    return list((await session.execute(_BREAKDOWN, values)).mappings())


async def database_now(session: AsyncSession) -> datetime:
    """The database's clock."""
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    return now
