"""One page of readings, newest first."""

from datetime import datetime

from common.pages import PageRequest
from common.pool import Pool
from devices.store.ranges import (
    Point,
    Window,
    count_points,
    newest_points,
    series_of,
    whole_of,
)


async def page_of_points(
    pool: Pool,
    device_id: int,
    *,
    metric: str | None,
    start: datetime | None,
    end: datetime | None,
    page: PageRequest,
) -> tuple[list[Point], int]:
    """The points of this page and how many there are in all, at one moment.

    Raises:
        NotFound: there is no such device.
    """
    async with pool.transaction(snapshot=True) as connection:
        series = await series_of(connection, device_id, metric=metric)
        if not series:
            return [], 0
        whole = whole_of(series)
        window = Window(max(start or whole.start, whole.start), min(end or whole.end, whole.end))
        if window.start >= window.end:
            return [], 0
        count = await count_points(connection, series, window)
        if page.offset >= count:
            return [], count
        points = await newest_points(
            connection, series, window, limit=page.size, offset=page.offset
        )
        return points, count
