"""Is a device alive, judged by its own rhythm (contract, chapter 8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, Literal

Connectivity = Literal["online", "stale", "never"]
_LEAST_S: Final = 60.0
_INTERVALS: Final = 3


def stale_after(
    sightings: Sequence[datetime], *, intervals: float = _INTERVALS, least_s: float = _LEAST_S
) -> timedelta:
    """The silence after which the device is stale: three median intervals, at least a minute."""
    times = sorted(sightings)
    lengths = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return timedelta(seconds=max(least_s, intervals * median(lengths) if lengths else 0.0))


def connectivity(
    last_seen_at: datetime | None, sightings: Sequence[datetime], *, now: datetime
) -> Connectivity:
    """What the registry shows."""
    if last_seen_at is None:
        return "never"
    return "online" if now - last_seen_at <= stale_after(sightings) else "stale"
