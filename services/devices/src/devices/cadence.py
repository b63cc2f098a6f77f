"""Is a device alive, judged by its own rhythm (contract, chapter 8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, Literal

Connectivity = Literal["online", "stale", "never"]
_LEAST: Final = timedelta(seconds=60)
_INTERVALS: Final = 3


def stale_after(sightings: Sequence[datetime]) -> timedelta:
    """The silence after which the device is stale: three median intervals, at least a minute."""
    times = sorted(sightings)
    intervals = [later - earlier for earlier, later in pairwise(times)]
    if not intervals:
        return _LEAST
    return max(_LEAST, timedelta(seconds=_INTERVALS * median(i.total_seconds() for i in intervals)))


def connectivity(
    last_seen_at: datetime | None, sightings: Sequence[datetime], *, now: datetime
) -> Connectivity:
    """What the registry shows."""
    if last_seen_at is None:
        return "never"
    return "online" if now - last_seen_at <= stale_after(sightings) else "stale"
