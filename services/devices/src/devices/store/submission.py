"""What is handed to the writer, and what comes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from devices.readings import Reading

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
    readings: Sequence[Reading]
    received_at: datetime
    token_hash: bytes | None = None
    repeat: Repeat | None = None
    is_own: bool = False
    public_id: str = ""
    metrics: set[str] = field(init=False)
    units: set[str] = field(init=False)
    days: set[date] = field(init=False)
    newest: list[datetime] = field(init=False)
    done: "asyncio.Future[int]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def __post_init__(self) -> None:
        self.metrics = {reading.metric for reading in self.readings}
        self.units = {reading.unit for reading in self.readings}
        # Sorting costs little, as rows come in order; hashing every time would cost more than COPY.
        times = sorted(reading.timestamp for reading in self.readings)
        self.newest = times[-_MOST_SIGHTINGS:]
        self.days = _days_of(times)

    def sightings(self) -> list[datetime]:
        """When the device is known to have been alive.

        Its own message says: now. What somebody else hands in for it says: at the readings' times.
        """
        if self.is_own:
            return [self.received_at]
        return sorted({min(timestamp, self.received_at) for timestamp in self.newest})


def _days_of(times: Sequence[datetime]) -> set[date]:
    """The days of these times, which are in order; when they lie near, those between them too."""
    if not times:
        return set()
    first, days = times[0].date(), (times[-1] - times[0]).days + 1
    if days > _NEAR_DAYS:
        return {time.date() for time in times}
    return {day for n in range(days + 1) if (day := first + timedelta(days=n)) <= times[-1].date()}
