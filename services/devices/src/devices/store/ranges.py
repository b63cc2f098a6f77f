"""Reading readings back: the newest, a page, the latest of each metric."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from common.errors import NotFound
from common.pool import Connection, Pool

_NEWEST_SERIES: Final = 100
_WIDENING_DAYS: Final = (1, 32)
_LATEST: Final = """
SELECT s.metric, s.last_value, COALESCE(NULLIF(u.symbol, ''), own.symbol) AS unit, s.last_at
FROM devices.series s
JOIN devices.unit u ON u.id = s.last_unit_id
JOIN devices.unit own ON own.id = s.unit_id
WHERE s.device_id = $1 AND s.last_at IS NOT NULL
ORDER BY s.metric
"""
_DEVICE_SERIES: Final = """
SELECT s.id, s.metric, u.symbol AS unit, s.first_at, s.last_at
FROM devices.series s JOIN devices.unit u ON u.id = s.unit_id
WHERE s.device_id = $1 AND s.last_at IS NOT NULL AND ($2::text IS NULL OR s.metric = $2)
ORDER BY s.last_at DESC, s.id
"""
# One series after the other by its own index, each no further than the limit.
_NEWEST: Final = """
SELECT m.id, s.metric, m.value, m.timestamp, m.quality, COALESCE(NULLIF(u.symbol, ''), s.unit)
    AS unit
FROM unnest($1::int[], $2::text[], $3::text[]) AS s (id, metric, unit)
CROSS JOIN LATERAL (
    SELECT * FROM devices.measurement
    WHERE series_id = s.id AND timestamp >= $4 AND timestamp < $5
    ORDER BY timestamp DESC, id DESC LIMIT $6
) AS m
JOIN devices.unit u ON u.id = m.unit_id
ORDER BY m.timestamp DESC, m.id DESC LIMIT $7 OFFSET $8
"""
_COUNT: Final = """
WITH wanted AS (
    SELECT unnest($1::int[]) AS series_id
), dirty AS (
    SELECT DISTINCT series_id, hour FROM devices.rollup_mark
    WHERE series_id = ANY($1) AND hour >= $4 AND hour < $5
)
SELECT COALESCE(sum(n), 0)::bigint FROM (
    SELECT sum(count) AS n FROM devices.hourly h
    WHERE series_id = ANY($1) AND bucket >= $4 AND bucket < $5
        AND NOT EXISTS (
            SELECT FROM dirty d WHERE d.series_id = h.series_id AND d.hour = h.bucket
        )
    UNION ALL
    SELECT (
        SELECT count(*) FROM devices.measurement m WHERE m.series_id = d.series_id
            AND m.timestamp >= d.hour AND m.timestamp < d.hour + interval '1 hour'
    ) FROM dirty d
    UNION ALL
    SELECT (
        SELECT count(*) FROM devices.measurement m WHERE m.series_id = w.series_id
            AND m.timestamp >= $2 AND m.timestamp < LEAST($4, $3)
    ) FROM wanted w WHERE $2 < $4
    UNION ALL
    SELECT (
        SELECT count(*) FROM devices.measurement m WHERE m.series_id = w.series_id
            AND m.timestamp >= GREATEST($5, $2) AND m.timestamp < $3
    ) FROM wanted w WHERE GREATEST($5, $2) < $3 AND $4 <= $5
) AS parts
"""


class SeriesInfo(NamedTuple):
    """One metric of a device that has readings."""

    id: int
    metric: str
    unit: str
    first_at: datetime
    last_at: datetime


class Point(NamedTuple):
    """A stored reading."""

    id: int
    metric: str
    value: Decimal
    timestamp: datetime
    quality: int
    unit: str


class Window(NamedTuple):
    """A half-open range of time, `[start, end)`."""

    start: datetime
    end: datetime


async def series_of(
    connection: Connection, device_id: int, *, metric: str | None = None
) -> list[SeriesInfo]:
    """The device's metrics that have readings, the most recent first.

    Raises:
        NotFound: there is no such device.
    """
    rows = await connection.fetch(_DEVICE_SERIES, device_id, metric)
    if not rows:
        exists = await connection.fetchval("SELECT 1 FROM devices.device WHERE id = $1", device_id)
        if not exists:
            raise NotFound()
    return [SeriesInfo(*row) for row in rows]


async def newest_points(
    connection: Connection,
    series: Sequence[SeriesInfo],
    window: Window,
    *,
    limit: int,
    offset: int = 0,
) -> list[Point]:
    """Points of these series within the window, newest first."""
    chosen = series if offset else series[: max(limit, _NEWEST_SERIES)]
    rows = await connection.fetch(
        _NEWEST,
        [info.id for info in chosen],
        [info.metric for info in chosen],
        [info.unit for info in chosen],
        window.start,
        window.end,
        limit + offset,
        limit,
        offset,
    )
    return [Point(*row) for row in rows]


async def count_points(connection: Connection, series: Sequence[SeriesInfo], window: Window) -> int:
    """How many points these series have within the window, by the rollups where they are right."""
    low = _up_to_hour(window.start)
    high = window.end.replace(minute=0, second=0, microsecond=0)
    ids = [info.id for info in series]
    return int(await connection.fetchval(_COUNT, ids, window.start, window.end, low, high))


def _up_to_hour(moment: datetime) -> datetime:
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(hours=1)


def whole_of(series: Sequence[SeriesInfo]) -> Window:
    """From the first reading of any of these series to just after the last."""
    start = min(info.first_at for info in series)
    return Window(start, max(info.last_at for info in series) + timedelta(microseconds=1))


async def newest_of_device(
    pool: Pool, device_id: int, *, metric: str | None, limit: int
) -> list[Point]:
    """The device's newest points over all its metrics, or one.

    Recent partitions are asked first: most devices need no other.

    Raises:
        NotFound: there is no such device.
    """
    async with pool.transaction(snapshot=True) as connection:
        series = await series_of(connection, device_id, metric=metric)
        if not series:
            return []
        whole = whole_of(series)
        points: list[Point] = []
        for days in _WIDENING_DAYS:
            recent = Window(max(whole.start, whole.end - timedelta(days=days)), whole.end)
            points = await newest_points(connection, series, recent, limit=limit)
            if len(points) == limit or recent.start == whole.start:
                return points
        return await newest_points(connection, series, whole, limit=limit)


async def latest_of_device(pool: Pool, device_id: int) -> list[tuple[str, Decimal, str, datetime]]:
    """By metric in alphabetical order: its newest value, unit and time.

    Raises:
        NotFound: there is no such device.
    """
    async with pool.connection() as connection:
        rows = await connection.fetch(_LATEST, device_id)
        if not rows:
            await series_of(connection, device_id)
    return [tuple(row) for row in rows]
