"""Rollups of five minutes, hours and days, reckoned anew wherever something has changed.

Whoever commits readings marks their hours in the same transaction. The worker takes marks away in
one statement and reckons in the next, which therefore sees every reading whose mark is gone. A
query takes marked hours from the readings themselves, so that its answer is always exact.
"""

import time
from typing import Final

from common.errors import DatabaseUnavailable
from common.pool import Connection, Pool

_LOCK: Final = 0x67656D62726F6C6C  # "gembroll"
_MOST_MARKS: Final = 20_000
_HOURS_AT_FIRST: Final = 64
_MOST_HOURS: Final = 20_000
# What takes longer than this is done in smaller pieces; a statement of 30 s would be broken off.
_AT_MOST_S: Final = 4.0
_TAKE: Final = """
WITH oldest AS (
    SELECT id, series_id, hour FROM devices.rollup_mark ORDER BY id LIMIT $1
), chosen AS (
    SELECT series_id, hour FROM oldest GROUP BY 1, 2 ORDER BY min(id) LIMIT $2
), gone AS (
    DELETE FROM devices.rollup_mark m USING oldest o JOIN chosen USING (series_id, hour)
    WHERE m.id = o.id
    RETURNING m.series_id, m.hour
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


class Rollups:
    """Reckons marked hours anew, as many at once as take a few seconds.

    How long an hour takes depends on how many readings it has, so the number is learned. Without
    a bound, what a whole store marks at once (a migration does) would never be done in time.
    """

    def __init__(self, pool: Pool, *, hours_at_once: int = _HOURS_AT_FIRST) -> None:
        self._pool = pool
        self.hours_at_once = hours_at_once

    async def repair(self) -> bool:
        """Reckon some of the marked hours anew; True when more were marked than are taken at once.

        Marks that come meanwhile are left to the next time: under load there are always some, and
        an hour that still fills would be reckoned anew without a pause.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or not in time.
        """
        began, limit = time.monotonic(), self.hours_at_once
        try:
            hours, marks = await self._repair(limit)
        except DatabaseUnavailable:
            self.hours_at_once = max(1, limit // 4)
            raise
        took_s = time.monotonic() - began
        if took_s > _AT_MOST_S:
            self.hours_at_once = max(1, limit // 2)
        elif hours == limit and took_s < _AT_MOST_S / 4:
            self.hours_at_once = min(_MOST_HOURS, limit * 2)
        return hours == limit or marks == _MOST_MARKS

    async def _repair(self, limit: int) -> tuple[int, int]:
        """How many hours, and how many marks they had."""
        async with self._pool.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return 0, 0
            changed = await connection.fetch(_TAKE, _MOST_MARKS, limit)
            if changed:
                series = [row["series_id"] for row in changed]
                await _reckon(connection, series, [row["hour"] for row in changed])
        return len(changed), sum(row["marks"] for row in changed)


async def _reckon(connection: Connection, series: list[int], hours: list[object]) -> None:
    for statement in (_FIVES, _REMOVE_HOURS, _ADD_HOURS, _REMOVE_DAYS, _ADD_DAYS):
        await connection.execute(statement, series, hours)
