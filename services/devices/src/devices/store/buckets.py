"""Bucketed points of one metric, exact at any range: rollups where they are right, else readings.

Buckets are aligned to the epoch. Readings in other units are converted when they can be.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from common.errors import ValidationFailed
from common.pool import Connection, Pool
from devices.store.ranges import SeriesInfo, Window, count_points, series_of, whole_of
from devices.units import conversion

MOST_POINTS: Final = 50_000
_FIVE_MINUTES_S: Final = 300
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_NICE_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
)  # fmt: skip
_RAW: Final = """
    SELECT date_bin($6, timestamp, 'epoch') AS at, unit_id, count(*) AS count,
        sum(value) AS total, min(value) AS minimum, max(value) AS maximum
    FROM devices.measurement WHERE series_id = $1 AND timestamp >= {low} AND timestamp < {high}
    GROUP BY 1, 2
"""
# Five minutes within [$4, $5), of them whole hours within [$7, $8), of them days within [$9, $10).
_BUCKETS: Final = f"""
WITH dirty AS MATERIALIZED (
    SELECT DISTINCT hour FROM devices.rollup_mark
    WHERE series_id = $1 AND hour >= date_trunc('hour', $4::timestamptz, 'UTC') AND hour < $5
), dirty_days AS MATERIALIZED (
    SELECT DISTINCT date_trunc('day', hour, 'UTC') AS day FROM dirty
), parts AS (
    {_RAW.format(low="$2", high="LEAST($4, $3)")}
    UNION ALL
    {_RAW.format(low="CASE WHEN $4 <= $5 THEN GREATEST($5, $2) ELSE $3 END", high="$3")}
    UNION ALL
    SELECT raw.* FROM dirty d CROSS JOIN LATERAL (
        {_RAW.format(low="GREATEST(d.hour, $4)", high="LEAST(d.hour + interval '1 hour', $5)")}
    ) AS raw
    UNION ALL
    SELECT bucket, unit_id, count, total, minimum, maximum FROM devices.five_minute
    WHERE series_id = $1 AND bucket >= $4 AND bucket < $5 AND (bucket < $7 OR bucket >= $8)
        AND date_trunc('hour', bucket, 'UTC') NOT IN (SELECT hour FROM dirty)
    UNION ALL
    SELECT bucket, unit_id, count, total, minimum, maximum FROM devices.hourly h
    WHERE series_id = $1 AND bucket >= $7 AND bucket < $8
        AND (bucket < $9 OR bucket >= $10
            OR date_trunc('day', bucket, 'UTC') IN (SELECT day FROM dirty_days))
        AND NOT EXISTS (SELECT FROM dirty d WHERE d.hour = h.bucket)
    UNION ALL
    SELECT bucket, unit_id, count, total, minimum, maximum FROM devices.daily
    WHERE series_id = $1 AND bucket >= $9 AND bucket < $10
        AND bucket NOT IN (SELECT day FROM dirty_days)
), conversions AS (
    SELECT * FROM unnest($11::int[], $12::numeric[], $13::numeric[]) AS c (unit_id, factor, shift)
)
SELECT date_bin($6, at, 'epoch') AS bucket,
    (sum(total * factor + count * shift) / sum(count))::float8 AS mean,
    min(minimum * factor + shift)::float8 AS minimum,
    max(maximum * factor + shift)::float8 AS maximum,
    sum(count)::bigint AS count
FROM parts JOIN conversions USING (unit_id)
GROUP BY 1 ORDER BY 1 LIMIT {MOST_POINTS + 1}
"""


class Bucket(NamedTuple):
    """Statistics over `[bucket, bucket + bucket_seconds)`."""

    bucket: datetime
    mean: float
    minimum: float
    maximum: float
    readings: int


class Bucketed(NamedTuple):
    """The points of one metric in one unit."""

    unit: str
    bucket_seconds: int
    points: list[Bucket]


def bucket_for_width(window: Window, *, width: int) -> int:
    """The finest round bucket, in seconds, that gives at most so many points."""
    days = 1
    for seconds in _NICE_S:
        if buckets_within(window, seconds) <= width:
            return seconds
    while buckets_within(window, days * _DAY_S) > width:
        days += 1 if days < 7 else 7
    return days * _DAY_S


def buckets_within(window: Window, seconds: int) -> int:
    """How many epoch-aligned buckets the window touches."""
    first = int(window.start.timestamp()) // seconds
    last = int((window.end - timedelta(microseconds=1)).timestamp()) // seconds
    return max(0, last - first + 1)


async def bucketed(
    pool: Pool,
    device_id: int,
    *,
    metric: str,
    start: datetime | None,
    end: datetime | None,
    bucket_seconds: int | None,
    width: int | None,
) -> Bucketed:
    """Statistics by bucket.

    Args:
        pool: the store.
        device_id: whose.
        metric: which.
        start: the first moment; the first reading if None.
        end: the first moment that does not count; after the last reading if None.
        bucket_seconds: the size of a bucket, or None to choose it by `width`.
        width: at most so many points.

    Raises:
        NotFound: there is no such device.
        ValidationFailed: the buckets are too small for the range.
    """
    async with pool.transaction(snapshot=True) as connection:
        series = await series_of(connection, device_id, metric=metric)
        if not series:
            return Bucketed("", bucket_seconds or 1, [])
        whole = whole_of(series)
        asked = Window(start or whole.start, end or whole.end)
        window = Window(max(whole.start, asked.start), min(whole.end, asked.end))
        seconds = bucket_seconds or bucket_for_width(asked, width=width or MOST_POINTS)
        if window.start >= window.end:
            return Bucketed(series[0].unit, seconds, [])
        if buckets_within(window, seconds) > MOST_POINTS:
            await _refuse_flood(connection, series, window)
        rows = await _rows(connection, series[0], window, seconds=seconds)
    if len(rows) > MOST_POINTS:
        raise _too_many()
    return Bucketed(series[0].unit, seconds, rows)


async def _refuse_flood(
    connection: Connection, series: Sequence[SeriesInfo], window: Window
) -> None:
    if await count_points(connection, series, window) > 20 * MOST_POINTS:
        raise _too_many()


def _too_many() -> ValidationFailed:
    text = f"Too small for this range: there would be more than {MOST_POINTS} points."
    return ValidationFailed(fields={"bucket": [text]}, in_body=False)


async def _rows(
    connection: Connection, series: SeriesInfo, window: Window, *, seconds: int
) -> list[Bucket]:
    fives = _inner(window, seconds, unit_s=_FIVE_MINUTES_S, none_at=window.end)
    hours = _inner(fives, seconds, unit_s=_HOUR_S, none_at=fives.end)
    days = _inner(hours, seconds, unit_s=_DAY_S, none_at=hours.end)
    units = await _conversions(connection, target=series.unit)
    rows = await connection.fetch(
        _BUCKETS,
        series.id,
        window.start,
        window.end,
        fives.start,
        fives.end,
        timedelta(seconds=seconds),
        hours.start,
        hours.end,
        days.start,
        days.end,
        [unit_id for unit_id, _, _ in units],
        [factor for _, factor, _ in units],
        [shift for _, _, shift in units],
    )
    return [Bucket(*row) for row in rows]


def _inner(window: Window, seconds: int, *, unit_s: int, none_at: datetime) -> Window:
    """The part of the window made of whole units; empty when buckets are no multiple of them."""
    if seconds % unit_s:
        return Window(none_at, none_at)
    low = -int(-window.start.timestamp() // unit_s) * unit_s
    high = int(window.end.timestamp() // unit_s) * unit_s
    return Window(datetime.fromtimestamp(low, UTC), datetime.fromtimestamp(high, UTC))


async def _conversions(
    connection: Connection, *, target: str
) -> list[tuple[int, Decimal, Decimal]]:
    rows = await connection.fetch("SELECT id, symbol FROM devices.unit")
    found = ((row["id"], conversion(row["symbol"], target)) for row in rows)
    return [(unit_id, *how) for unit_id, how in found if how is not None]
