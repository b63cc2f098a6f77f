"""Live updates: what was committed goes to the bus, at most five times a second a device.

Between two events only the newest value of each metric is kept, so that a flood of readings
neither fills the bus's window nor a browser.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from common.bus import Bus, subject
from devices.readings import QUALITIES, Reading
from devices.schemas import rfc3339
from devices.store.submission import Submission

_EVERY_S: Final = 0.2


class LiveReadings:
    """Gathers what was committed and publishes it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._devices: dict[str, int] = {}
        self._newest: dict[tuple[str, str], Reading] = {}
        self._counts: dict[str, int] = {}
        self._news = asyncio.Event()

    def committed(self, stored: Sequence[Submission]) -> None:
        """Note readings that have just been committed."""
        newest = self._newest
        for submission in stored:
            batch, public_id = submission.readings, submission.public_id
            if not batch or not public_id:
                continue
            self._devices[public_id] = submission.device_id
            self._counts[public_id] = self._counts.get(public_id, 0) + len(batch)
            for metric, last in batch.last.items():
                known = newest.get((public_id, metric))
                if known is None or batch.times[last] >= known.timestamp:
                    newest[public_id, metric] = batch.row(last)
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            for public_id, event in self._events().items():
                await self._bus.publish(subject("device", "readings", public_id), event)
            await asyncio.sleep(_EVERY_S)

    def _events(self) -> dict[str, dict[str, Any]]:
        events: dict[str, dict[str, Any]] = {
            public_id: {
                "device_id": device_id,
                "public_id": public_id,
                "count": self._counts[public_id],
                "readings": [],
            }
            for public_id, device_id in self._devices.items()
        }
        for (public_id, metric), reading in self._newest.items():
            events[public_id]["readings"].append(
                {
                    "metric": metric,
                    "value": reading.value,
                    "unit": reading.unit,
                    "timestamp": rfc3339(reading.timestamp),
                    "quality": QUALITIES[reading.quality],
                }
            )
        self._devices, self._newest, self._counts = {}, {}, {}
        return events
