"""Rollups of five minutes, hours and days, reckoned anew wherever something has changed.

Whoever commits readings marks their hours in the same transaction. The worker takes marks away in
one statement and reckons in the next, which therefore sees every reading whose mark is gone. A
query takes marked hours from the readings themselves, so that its answer is always exact.
"""

from typing import Final

from common.pool import Connection, Pool

_LOCK: Final = 0x67656D62726F6C6C  # "gembroll"
_MOST_MARKS: Final = 20_000
_TAKE: Final = """
WITH gone AS (
    DELETE FROM devices.rollup_mark WHERE id IN (
        SELECT id FROM devices.rollup_mark ORDER BY id LIMIT $1
    ) RETURNING series_id, hour
)
SELECT series_id, hour, count(*) AS marks FROM gone GROUP BY 1, 2
"""
# An hour that still fills is reckoned again and again: what is as it was is not written again.
_FIVES: Final = """
WITH fresh AS MATERIALIZED (
    SELECT c.series_id, date_bin('5 minutes', m.timestamp, 'epoch') AS bucket, m.unit_id,
        count(*) AS count, sum(m.value) AS total, min(m.value) AS minimum, max(m.value) AS maximum
    FROM unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
    CROSS JOIN LATERAL (
        SELECT timestamp, unit_id, value FROM devices.measurement
        WHERE series_id = c.series_id
            AND timestamp >= c.hour AND timestamp < c.hour + interval '1 hour'
    ) AS m
    GROUP BY 1, 2, 3
), gone AS (
    DELETE FROM devices.five_minute f
    USING unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
    WHERE f.series_id = c.series_id
        AND f.bucket >= c.hour AND f.bucket < c.hour + interval '1 hour'
        AND (f.series_id, f.bucket, f.unit_id) NOT IN (
            SELECT series_id, bucket, unit_id FROM fresh
        )
)
INSERT INTO devices.five_minute AS f
    (series_id, bucket, unit_id, count, total, minimum, maximum)
SELECT * FROM fresh
ON CONFLICT (series_id, bucket, unit_id) DO UPDATE SET
    count = excluded.count, total = excluded.total,
    minimum = excluded.minimum, maximum = excluded.maximum
WHERE (f.count, f.total, f.minimum, f.maximum)
    IS DISTINCT FROM (excluded.count, excluded.total, excluded.minimum, excluded.maximum)
"""
_REMOVE_HOURS: Final = """
DELETE FROM devices.hourly h
USING unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
WHERE h.series_id = c.series_id AND h.bucket = c.hour
"""
_ADD_HOURS: Final = """
INSERT INTO devices.hourly (series_id, bucket, unit_id, count, total, minimum, maximum)
SELECT c.series_id, c.hour, f.unit_id, sum(f.count), sum(f.total), min(f.minimum), max(f.maximum)
FROM unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
JOIN devices.five_minute f ON f.series_id = c.series_id
    AND f.bucket >= c.hour AND f.bucket < c.hour + interval '1 hour'
GROUP BY 1, 2, 3
"""
_REMOVE_DAYS: Final = """
DELETE FROM devices.daily d
USING unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
WHERE d.series_id = c.series_id AND d.bucket = date_trunc('day', c.hour, 'UTC')
"""
_ADD_DAYS: Final = """
INSERT INTO devices.daily (series_id, bucket, unit_id, count, total, minimum, maximum)
SELECT h.series_id, c.day, h.unit_id, sum(h.count), sum(h.total), min(h.minimum), max(h.maximum)
FROM (
    SELECT DISTINCT series_id, date_trunc('day', hour, 'UTC') AS day
    FROM unnest($1::int[], $2::timestamptz[]) AS c (series_id, hour)
) AS c
JOIN devices.hourly h ON h.series_id = c.series_id
    AND h.bucket >= c.day AND h.bucket < c.day + interval '1 day'
GROUP BY 1, 2, 3
"""


async def repair_rollups(pool: Pool) -> bool:
    """Reckon some of the marked hours anew; True when more were marked than are taken at once.

    Marks that come meanwhile are left to the next time: under load there are always some, and
    an hour that still fills would be reckoned anew without a pause.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer.
    """
    async with pool.transaction() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        changed = await connection.fetch(_TAKE, _MOST_MARKS)
        if not changed:
            return False
        await _reckon(
            connection, [row["series_id"] for row in changed], [row["hour"] for row in changed]
        )
    taken: int = sum(row["marks"] for row in changed)
    return taken == _MOST_MARKS


async def _reckon(connection: Connection, series: list[int], hours: list[object]) -> None:
    for statement in (_FIVES, _REMOVE_HOURS, _ADD_HOURS, _REMOVE_DAYS, _ADD_DAYS):
        await connection.execute(statement, series, hours)
