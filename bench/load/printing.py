"""A printer that reports its layers: the last one acknowledged is not forgotten."""

import itertools
from typing import Any, Self

import asyncpg
import httpx

from bench.load.ledger import Verdict, compare
from bench.load.pulse import Pulse
from bench.load.site import Site


class Printing:
    """One printer with one long job."""

    kind = "printer updates (HTTP 200)"

    def __init__(self, site: Site, who: dict[str, Any], *, every_s: float) -> None:
        self._site = site
        self._who = who
        self._every_s = every_s
        self._layers = itertools.count(1)
        self._acknowledged = 0
        self.pulses = [Pulse(self.kind)]

    @classmethod
    async def prepared(cls, site: Site, *, every_s: float = 0.5) -> Self:
        """With a printer, something to print, and the print begun."""
        printer = await site.make("/api/printers", {"printer_id": "LOAD", "name": "Load"})
        item = {"product_name": "Dragon", "model_file": "dragon.stl"}
        queued = await site.make("/api/print-queue", item)
        who = {"printer_id": "LOAD", "api_key": printer["api_key"]}
        started = await site.make("/api/status/start", {**who, "print_queue_id": queued["id"]})
        return cls(site, {**who, "print_status_id": started["print_status_id"]}, every_s=every_s)

    async def run(self) -> None:
        """Report until the end."""
        await self._site.steadily(self.pulses[0], self._report, every_s=self._every_s)

    async def _report(self) -> httpx.Response:
        layer = next(self._layers)
        metrics = {"current_layer": layer}
        body = {**self._who, "status": "printing", "progress": 50.0, "metrics": metrics}
        answer = await self._site.http.post("/api/status/update", json=body)
        if answer.status_code == 200:
            self._acknowledged = layer
        return answer

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """The newest layer that was acknowledged, or a later one, is what the job is at."""
        layer = await database.fetchval(
            "SELECT (metrics->>'current_layer')::int FROM printers.jobs WHERE id = $1",
            self._who["print_status_id"],
        )
        wrong = [] if layer >= self._acknowledged else [f"layer {layer} < {self._acknowledged}"]
        done = range(self.pulses[0].acknowledged)
        return compare(self.kind, done, stored=done, notes=wrong)
