"""Hosts' samples and their rollups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import Rollup, Sample

MINUTE_S: Final = 60
HOUR_S: Final = 3600
# A bucket is summed up anew from all its samples: a late one repairs it.
_ROLL_UP: Final = text("""
    INSERT INTO cluster.rollups (node, width_s, at, samples, cpu_percent, cpu_percent_max,
        memory_percent, memory_percent_max, disk_percent, load_average, network_bytes_sent,
        network_bytes_recv, gpu)
    SELECT node, CAST(:width_s AS integer), bucket, count(*), avg(cpu_percent), max(cpu_percent),
        avg(memory_percent), max(memory_percent), avg(disk_percent),
        (array_agg(load_average ORDER BY at DESC))[1], max(network_bytes_sent),
        max(network_bytes_recv), (array_agg(gpu ORDER BY at DESC))[1]
    FROM (SELECT *, date_bin(make_interval(secs => :width_s), at, 'epoch') AS bucket
          FROM cluster.samples
          WHERE at >= date_bin(make_interval(secs => :width_s),
                               CAST(:since AS timestamptz), 'epoch')) AS recent
    GROUP BY node, bucket
    ON CONFLICT (node, width_s, at) DO UPDATE SET
        samples = EXCLUDED.samples, cpu_percent = EXCLUDED.cpu_percent,
        cpu_percent_max = EXCLUDED.cpu_percent_max, memory_percent = EXCLUDED.memory_percent,
        memory_percent_max = EXCLUDED.memory_percent_max, disk_percent = EXCLUDED.disk_percent,
        load_average = EXCLUDED.load_average, network_bytes_sent = EXCLUDED.network_bytes_sent,
        network_bytes_recv = EXCLUDED.network_bytes_recv, gpu = EXCLUDED.gpu
    WHERE rollups.samples <= EXCLUDED.samples
""")
_COLUMNS: Final = (
    "node", "at", "cpu_percent", "memory_percent", "disk_percent", "load_average",
    "network_bytes_sent", "network_bytes_recv", "gpu",
)  # fmt: skip


async def keep(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Add samples; the same again changes nothing."""
    if rows:
        await session.execute(insert(Sample).on_conflict_do_nothing(), list(rows))


async def history(
    session: AsyncSession, *, since: datetime, width_s: int | None, node: str | None, limit: int
) -> Sequence[RowMapping]:
    """The newest samples, or buckets of this width, oldest first."""
    table: Any = Sample if width_s is None else Rollup
    statement = select(*(getattr(table, name) for name in _COLUMNS)).where(table.at >= since)
    if width_s is not None:
        statement = statement.where(table.width_s == width_s)
    if node is not None:
        statement = statement.where(table.node == node)
    statement = statement.order_by(table.at.desc(), table.node.desc()).limit(limit)
    return list(reversed((await session.execute(statement)).mappings().all()))


async def roll_up(session: AsyncSession, *, width_s: int, since: datetime) -> None:
    """Bring the buckets since then up to date."""
    await session.execute(_ROLL_UP, {"width_s": width_s, "since": since})


async def forget(
    session: AsyncSession, *, raw: datetime, minutes: datetime, hours: datetime
) -> None:
    """Delete what is older than its kind is kept."""
    await session.execute(delete(Sample).where(Sample.at < raw))
    for width_s, before in ((MINUTE_S, minutes), (HOUR_S, hours)):
        await session.execute(delete(Rollup).where(Rollup.width_s == width_s, Rollup.at < before))
