"""Readings by HTTP: acknowledged by 201, sent again as they are until they have been."""

import itertools
from datetime import UTC, datetime
from typing import Any, Final, Self

import asyncpg
import httpx

from bench.load.ledger import Verdict, compare
from bench.load.pulse import Pulse
from bench.load.site import Site

_ROWS: Final = 5
_VALUES: Final = """
SELECT m.value::bigint AS value FROM devices.measurement m
JOIN devices.series s ON s.id = m.series_id WHERE s.device_id = $1 AND s.metric = $2
"""


class Measurements:
    """One device that posts five readings at a time; a reading's value is its number."""

    kind = "measurements (HTTP 201)"

    def __init__(self, site: Site, device_id: int, *, every_s: float) -> None:
        self._site = site
        self._device_id = device_id
        self._every_s = every_s
        self._numbers = itertools.count(1)
        self._acknowledged: list[int] = []
        self._pending: list[dict[str, Any]] = []
        self.pulses = [Pulse(self.kind)]

    @classmethod
    async def prepared(cls, site: Site, *, every_s: float = 0.1) -> Self:
        """With a device of its own."""
        device = await site.make("/api/devices/", {"name": "Load by HTTP"})
        return cls(site, device["id"], every_s=every_s)

    async def run(self) -> None:
        """Post until the end."""
        await self._site.steadily(self.pulses[0], self._post, every_s=self._every_s)

    async def _post(self) -> httpx.Response:
        if not self._pending:
            self._pending = [
                {"metric": "load", "value": n, "timestamp": datetime.now(UTC).isoformat()}
                for n in itertools.islice(self._numbers, _ROWS)
            ]
        path = f"/api/devices/{self._device_id}/measurements/"
        answer = await self._site.http.post(path, json=self._pending)
        if answer.status_code == 201:
            self._acknowledged += [row["value"] for row in self._pending]
            self._pending = []
        return answer

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """What was acknowledged against what is stored."""
        rows = await database.fetch(_VALUES, self._device_id, "load")
        return compare(self.kind, self._acknowledged, stored=(row["value"] for row in rows))
