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
            if not submission.readings or not submission.public_id:
                continue
            public_id = submission.public_id
            self._devices[public_id] = submission.device_id
            self._counts[public_id] = self._counts.get(public_id, 0) + len(submission.readings)
            latest: dict[str, Reading] = {}
            for reading in submission.readings:
                known = latest.get(reading[0])
                if known is None or reading[3] >= known[3]:
                    latest[reading[0]] = reading
            for metric, reading in latest.items():
                known = newest.get((public_id, metric))
                if known is None or reading.timestamp >= known.timestamp:
                    newest[public_id, metric] = reading
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
