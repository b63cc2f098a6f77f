"""CSV of any size in bounded memory: PostgreSQL writes it, we pass on a few pieces at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from common.pool import Connection, Pool
from devices.store.ranges import SeriesInfo, Window, series_of, whole_of

HEADER: Final = b"id,metric,value,unit,timestamp\n"
_PIECES: Final = 8
_PIECE_BYTES: Final = 64 * 1024
_LONGEST_S: Final = 3600.0
# A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP).
_SAFE: Final = "CASE WHEN {0} ~ '^[=+@\\t\\r-]' THEN '''' || {0} ELSE {0} END"
_SELECT: Final = f"""
SELECT m.id, {_SAFE.format("$2::text")} AS metric, m.value,
    {_SAFE.format("COALESCE(NULLIF(u.symbol, ''), $3::text)")} AS unit,
    to_char(m.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || CASE WHEN date_trunc('second', m.timestamp) = m.timestamp THEN ''
           ELSE to_char(m.timestamp, '.US') END || 'Z' AS timestamp
FROM devices.measurement m JOIN devices.unit u ON u.id = m.unit_id
WHERE m.series_id = $1 AND m.timestamp >= $4 AND m.timestamp < $5
ORDER BY m.timestamp
"""


async def csv_pieces(
    pool: Pool,
    device_id: int,
    *,
    metric: str | None,
    start: datetime | None,
    end: datetime | None,
) -> AsyncIterator[bytes]:
    """The header and then every reading, metric after metric, oldest first.

    Raises:
        NotFound: there is no such device.
    """
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)
    # The producer holds a connection only for as long as somebody reads.
    producer = asyncio.ensure_future(
        _produce(pool, pieces, device_id, metric=metric, start=start, end=end)
    )
    try:
        while (piece := await _next(pieces, producer)) is not None:
            yield piece
    finally:
        producer.cancel()
        with suppress(asyncio.CancelledError):
            await producer


async def _next(
    pieces: "asyncio.Queue[bytes | None]", producer: "asyncio.Future[None]"
) -> bytes | None:
    getting = asyncio.ensure_future(pieces.get())
    awaited: set[asyncio.Future[Any]] = {getting, producer}
    try:
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        producer.result()
        return None if pieces.empty() else pieces.get_nowait()
    finally:
        getting.cancel()


async def _produce(
    pool: Pool,
    pieces: "asyncio.Queue[bytes | None]",
    device_id: int,
    *,
    metric: str | None,
    start: datetime | None,
    end: datetime | None,
) -> None:
    async with pool.transaction(snapshot=True) as connection:
        series = await series_of(connection, device_id, metric=metric)
        await pieces.put(HEADER)
        for info in sorted(series, key=lambda info: info.metric):
            whole = whole_of([info])
            window = Window(start or whole.start, end or whole.end)
            await _copy(connection, pieces, info, window)
    await pieces.put(None)


async def _copy(
    connection: Connection,
    pieces: "asyncio.Queue[bytes | None]",
    series: SeriesInfo,
    window: Window,
) -> None:
    waiting = bytearray()

    async def collect(data: bytes) -> None:
        waiting.extend(data)
        if len(waiting) >= _PIECE_BYTES:
            await pieces.put(bytes(waiting))
            waiting.clear()

    await connection.copy_from_query(
        _SELECT,
        series.id,
        series.metric,
        series.unit,
        window.start,
        window.end,
        output=collect,
        format="csv",
        timeout=_LONGEST_S,
    )
    if waiting:
        await pieces.put(bytes(waiting))
