"""What ends with time: rollups and idempotency keys, and the readings of removed devices."""

from datetime import datetime
from typing import Final

from common.pool import Connection, Pool
from devices.settings import Settings
from devices.store.partitions import BY_DAY_UP_TO

_BATCH: Final = 10_000
_ROLLUPS_AT_ONCE: Final = 50_000
_REPEATS_KEPT: Final = "24 hours"
# Series by series, so that the next statement does not walk over what this one has removed.
_OLD_ROLLUPS: Final = """
WITH kept AS (
    SELECT id, date_trunc(
        CASE WHEN kept_days <= $2 THEN 'day' ELSE 'month' END,
        $1::timestamptz - kept_days * interval '1 day', 'UTC'
    ) AS since
    FROM devices.series
    WHERE id >= $3 AND first_at < $1::timestamptz - kept_days * interval '1 day'
), old AS (
    SELECT r.place FROM kept CROSS JOIN LATERAL (
        SELECT ctid AS place FROM devices.{table}
        WHERE series_id = kept.id AND bucket < kept.since LIMIT $4
    ) AS r
    ORDER BY kept.id LIMIT $4
), gone AS (
    DELETE FROM devices.{table} WHERE ctid = ANY (ARRAY(SELECT place FROM old))
    RETURNING series_id
)
SELECT count(*), coalesce(max(series_id), 0) FROM gone
"""


async def settle_retention(connection: Connection, settings: Settings) -> list[str]:
    """Give metrics the retention that the settings say now; the metrics that it changed.

    Readings stored before stay in their old partitions and go with those.
    """
    changed = await connection.fetch(
        """
        UPDATE devices.series s SET kept_days = w.kept_days
        FROM unnest($1::text[], $2::smallint[]) AS w (metric, kept_days)
        WHERE s.metric = w.metric AND s.kept_days <> w.kept_days
        RETURNING s.metric
        """,
        list(settings.metric_retention_days),
        list(settings.metric_retention_days.values()),
    )
    others = await connection.fetch(
        """
        UPDATE devices.series SET kept_days = $1
        WHERE kept_days <> $1 AND metric <> ALL($2) RETURNING metric
        """,
        settings.measurement_retention_days,
        list(settings.metric_retention_days),
    )
    return sorted({row["metric"] for row in (*changed, *others)})


async def drop_old_rollups(
    connection: Connection, now: datetime, *, at_once: int = _ROLLUPS_AT_ONCE
) -> None:
    """Remove the rollups of readings that are no longer kept, and old idempotency keys.

    A retention that was shortened ends many millions at once: so many rows go with a statement.
    """
    for table in ("five_minute", "hourly", "daily"):
        removed, series_id = at_once, 0
        while removed == at_once:
            query = _OLD_ROLLUPS.format(table=table)
            row = await connection.fetchrow(query, now, BY_DAY_UP_TO, series_id, at_once)
            removed, series_id = row or (0, 0)
    await connection.execute(
        "UPDATE devices.series SET first_at = $1::timestamptz - kept_days * interval '1 day'"
        " WHERE first_at < $1::timestamptz - (kept_days + 40) * interval '1 day'",
        now,
    )
    await connection.execute(
        f"DELETE FROM devices.repeat WHERE made_at < $1::timestamptz - interval '{_REPEATS_KEPT}'",
        now,
    )


async def remove_orphans(pool: Pool) -> int:
    """Remove some readings of removed devices; how many rows that took, 0 at the end."""
    async with pool.transaction() as connection:
        series_id = await connection.fetchval(
            "SELECT series_id FROM devices.orphan LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        if series_id is None:
            return 0
        removed = await connection.fetchval(
            """
            WITH gone AS (
                DELETE FROM devices.measurement WHERE (tableoid, ctid) IN (
                    SELECT tableoid, ctid FROM devices.measurement WHERE series_id = $1 LIMIT $2
                ) RETURNING 1
            )
            SELECT count(*) FROM gone
            """,
            series_id,
            _BATCH,
        )
        if removed < _BATCH:
            for table in ("five_minute", "hourly", "daily", "rollup_mark", "orphan"):
                await connection.execute(
                    f"DELETE FROM devices.{table} WHERE series_id = $1", series_id
                )
        return int(removed) + 1
