"""Inspections: acknowledged by 201, and owed from then on: each ends completed, exactly once."""

import asyncio
import itertools
import time
from typing import Any, Final, Self

import asyncpg
import httpx
from tests.system.conftest import chain
from tests.system.pictures import png

from bench.load.ledger import Verdict, compare
from bench.load.pulse import Pulse
from bench.load.site import Site

_DONE_WITHIN_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.5
_STATES: Final = """
SELECT i.id, i.name, i.status,
       (SELECT count(*) FROM orchestrator.attempts a
        WHERE a.inspection_id = i.id AND a.outcome = 'completed') AS times
FROM orchestrator.inspections i WHERE i.name LIKE 'load-%'
"""


class Inspections:
    """A line that has pictures inspected, and looks for their results."""

    kind = "inspections (HTTP 201)"

    def __init__(self, site: Site, pipeline: dict[str, Any], *, every_s: float) -> None:
        self._site = site
        self._pipeline = pipeline
        self._every_s = every_s
        self._numbers = itertools.count(1)
        self._acknowledged: list[str] = []
        self._open: dict[str, float] = {}
        self._done = Pulse("inspections (completed)")
        self.pulses = [Pulse(self.kind), self._done]

    @classmethod
    async def prepared(cls, site: Site, *, every_s: float = 1.0) -> Self:
        """With a picture of its own."""
        files = {"file": ("load.png", png(200, 160))}
        image = await site.asked(lambda: site.http.post("/api/v1/images/", files=files))
        return cls(site, chain(image["image_id"], ("blob_detection", {})), every_s=every_s)

    async def run(self) -> None:
        """Start inspections and look for results until the end.

        A result counts from when it was last known to be missing: work that waited through a
        fault proves as well as new work that the line goes on.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self._site.steadily(self.pulses[0], self._start, every_s=self._every_s)
            )
            tasks.create_task(self._look())

    async def _start(self) -> httpx.Response:
        # Each try is an inspection of its own: nobody promised that two would be one.
        body = {
            "name": f"load-{next(self._numbers)}",
            "inspection_type": "blob_detection",
            "pipeline_config": self._pipeline,
        }
        began = time.monotonic()
        answer = await self._site.http.post("/api/v1/inspections/", json=body)
        if answer.status_code == 201:
            inspection_id = answer.json()["id"]
            self._acknowledged.append(inspection_id)
            self._open[inspection_id] = began
        return answer

    async def _look(self) -> None:
        while not self._site.is_over.is_set():
            for inspection_id in list(self._open)[:10]:
                asked_at = time.monotonic()
                if await self._is_completed(inspection_id):
                    # It was open when it was last asked for: it has been completed since.
                    self._done.good(self._open.pop(inspection_id))
                else:
                    self._open[inspection_id] = asked_at
            await self._site.pause(_LOOK_EVERY_S)

    async def _is_completed(self, inspection_id: str) -> bool:
        try:
            answer = await self._site.http.get(f"/api/v1/inspections/{inspection_id}/")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["status"] == "completed"

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """Wait for what is owed, then count how often each was completed."""
        deadline = time.monotonic() + _DONE_WITHIN_S
        while True:
            rows = await database.fetch(_STATES)
            states = {row["id"]: row["status"] for row in rows}
            owed = [one for one in self._acknowledged if states.get(one) in _UNFINISHED]
            if not owed or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        completed = [row["id"] for row in rows for _ in range(row["times"])]
        names = [row["name"] for row in rows]
        notes = [f"{name} was made twice" for name in set(names) if names.count(name) > 1]
        return compare(self.kind, self._acknowledged, stored=completed, notes=notes)


_UNFINISHED: Final = ("pending", "assigned", "processing")
