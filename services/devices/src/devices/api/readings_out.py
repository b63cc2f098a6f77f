"""Reading readings back: aggregated data, pages, buckets for charts, latest, CSV."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from common.errors import ValidationFailed
from common.pages import Page, RequestedPage
from common.serve import service_router
from devices.api.parts import DeviceId, End, Metric, Reader, Start, StorePart
from devices.readings import QUALITIES
from devices.schemas import (
    AggregatedData,
    BucketedOut,
    BucketOut,
    LatestValue,
    MeasurementOut,
    Statistics,
)
from devices.store.buckets import bucketed
from devices.store.export import csv_pieces
from devices.store.pages import page_of_points
from devices.store.ranges import Point, latest_of_device, newest_of_device

router: Final[APIRouter] = service_router(tags=["measurements"])
_AGGREGATED: Final = 100
_BUCKET: Final = re.compile(r"([1-9]\d{0,7})(s|m|h|d)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_BUCKET_S: Final = 3660 * 86_400
_WIDEST: Final = 10_000


def _shown(point: Point, device_id: int) -> MeasurementOut:
    return MeasurementOut(
        id=point.id,
        device=device_id,
        metric=point.metric,
        value=f"{point.value:.10f}",
        unit=point.unit,
        timestamp=point.timestamp,
        quality=QUALITIES[point.quality],
    )


def _statistics(points: list[Point]) -> Statistics:
    if not points:
        return Statistics(mean=None, max=None, min=None)
    values = [point.value for point in points]
    mean = sum(values, Decimal(0)) / len(values)
    return Statistics(mean=float(mean), max=float(max(values)), min=float(min(values)))


@router.get("/api/devices/{device_id}/aggregated-data")
async def aggregated_data(
    device_id: DeviceId, store: StorePart, caller: Reader, metric: Metric = None
) -> AggregatedData:
    """The newest 100 points, and their mean, maximum and minimum."""
    points = await newest_of_device(store, device_id, metric=metric, limit=_AGGREGATED)
    return AggregatedData(
        measurements=[_shown(point, device_id) for point in points],
        statistics=_statistics(points),
        count=len(points),
    )


@router.get("/api/devices/{device_id}/latest")
async def latest(device_id: DeviceId, store: StorePart, caller: Reader) -> dict[str, LatestValue]:
    """The newest value of each metric; late readings never turn it back."""
    rows = await latest_of_device(store, device_id)
    return {
        metric: LatestValue(value=f"{value:.10f}", unit=unit, timestamp=timestamp)
        for metric, value, unit, timestamp in rows
    }


@router.get("/api/devices/{device_id}/measurements")
async def measurements(
    device_id: DeviceId,
    page: RequestedPage,
    store: StorePart,
    caller: Reader,
    start: Start,
    end: End,
    metric: Metric = None,
    bucket: Annotated[str | None, Query(description="`60s`, `5m`, `1h`, `1d`.")] = None,
    width: Annotated[str | None, Query(description="At most so many points.")] = None,
) -> Page[MeasurementOut] | BucketedOut:
    """Readings newest first, or, with `bucket` or `width`, statistics by bucket."""
    if start is not None and end is not None and start > end:
        raise _wrong("end", "The end must not lie before the start.")
    if bucket is None and width is None:
        points, count = await page_of_points(
            store, device_id, metric=metric, start=start, end=end, page=page
        )
        return page.page([_shown(point, device_id) for point in points], count=count)
    if not metric:
        raise _wrong("metric", "This field is required with bucket or width.")
    found = await bucketed(
        store,
        device_id,
        metric=metric,
        start=start,
        end=end,
        bucket_seconds=_bucket_seconds(bucket),
        width=_width(width),
    )
    return BucketedOut(
        metric=metric,
        unit=found.unit,
        bucket_seconds=found.bucket_seconds,
        points=[
            BucketOut(bucket=b.bucket, mean=b.mean, min=b.minimum, max=b.maximum, count=b.readings)
            for b in found.points
        ],
    )


@router.get(
    "/api/devices/{device_id}/measurements.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
async def measurements_csv(
    device_id: DeviceId,
    store: StorePart,
    caller: Reader,
    start: Start,
    end: End,
    metric: Metric = None,
) -> StreamingResponse:
    """Every reading as CSV, metric after metric, oldest first."""
    pieces = csv_pieces(store, device_id, metric=metric, start=start, end=end)
    # The first piece comes before the status: an unknown device is still a 404.
    first = await anext(pieces)
    return StreamingResponse(
        _after(first, pieces),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="device-{device_id}.csv"'},
    )


async def _after(first: bytes, pieces: Any) -> AsyncIterator[bytes]:
    try:
        yield first
        async for piece in pieces:
            yield piece
    finally:
        await pieces.aclose()


def _wrong(field: str, text: str) -> ValidationFailed:
    return ValidationFailed(fields={field: [text]}, in_body=False)


def _bucket_seconds(text: str | None) -> int | None:
    if text is None:
        return None
    match = _BUCKET.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_BUCKET_S:
        raise _wrong("bucket", "Must be a number and s, m, h or d, such as 60s, 5m, 1h or 1d.")
    return seconds


def _width(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= _WIDEST):
        raise _wrong("width", f"Must be a whole number from 1 to {_WIDEST}.")
    return int(text)
