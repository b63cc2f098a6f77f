"""What is handed to the writer, and what comes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from devices.readings import Reading


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
    done: "asyncio.Future[int]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def __post_init__(self) -> None:
        self.metrics = {reading.metric for reading in self.readings}
        self.units = {reading.unit for reading in self.readings}
        self.days = {reading.timestamp.date() for reading in self.readings}

    def sightings(self, most: int) -> list[datetime]:
        """When the device is known to have been alive.

        Its own message says: now. What somebody else hands in for it says: at the readings' times.
        """
        if self.is_own:
            return [self.received_at]
        times = {min(reading.timestamp, self.received_at) for reading in self.readings}
        return sorted(times)[-most:]
