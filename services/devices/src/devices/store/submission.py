"""What is handed to the writer, and what comes back."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from devices.batch import Batch

_MOST_SIGHTINGS: Final = 16
_NEAR_DAYS: Final = 40


class Repeat(NamedTuple):
    """An `Idempotency-Key`: whose and where (hashed), and the body that it stands for (hashed)."""

    scope: bytes
    body_hash: bytes


@dataclass(eq=False)
class Submission:
    """Readings of one device that are taken whole or not at all.

    `token_hash` is set when the device itself sent them; the commit checks that it still holds.
    """

    device_id: int
    readings: Batch
    received_at: datetime
    token_hash: bytes | None = None
    repeat: Repeat | None = None
    is_own: bool = False
    public_id: str = ""
    units: set[str] = field(init=False)
    days: Collection[date] = field(init=False)
    done: "asyncio.Future[int]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def __post_init__(self) -> None:
        self.units = set(self.readings.units)
        self.days = _days_of(self.readings.times)

    @property
    def metrics(self) -> Collection[str]:
        """Each metric once."""
        return self.readings.last

    def sightings(self) -> Collection[datetime]:
        """When the device is known to have been alive.

        Its own message says: now. What somebody else hands in for it says: at the readings' times.
        """
        if self.is_own:
            return (self.received_at,)
        newest = self.readings.times[-_MOST_SIGHTINGS:]
        if newest and newest[-1] > self.received_at:
            return [min(timestamp, self.received_at) for timestamp in newest]
        return newest


def _days_of(times: Sequence[datetime]) -> Collection[date]:
    """The days of these times, which are in order; when they lie near, those between them too."""
    if not times:
        return ()
    first, last = times[0].date(), times[-1].date()
    if first == last:
        return (first,)
    days = (last - first).days + 1
    if days > _NEAR_DAYS:
        return {time.date() for time in times}
    return {first + timedelta(days=n) for n in range(days)}
