"""All kinds of load at once, from start to the comparison at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from bench.load.inspections import Inspections
from bench.load.ledger import Verdict
from bench.load.measurements import Measurements
from bench.load.observations import Observations
from bench.load.printing import Printing
from bench.load.pulse import Pulse
from bench.load.site import Site, signed_in
from bench.load.telemetry import Telemetry
from bench.load.viewer import Viewer
from gemba_local.mesh import LocalMesh


class Load(Protocol):
    """One kind of load."""

    pulses: list[Pulse]

    async def run(self) -> None:
        """Be a client until the end."""

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """Judge the ledger by the store."""


@dataclass(frozen=True)
class Mixed:
    """The clients of one mesh."""

    site: Site
    viewer: Viewer
    loads: list[Load]
    _running: list[asyncio.Task[None]]

    @property
    def pulses(self) -> list[Pulse]:
        """Those of every client."""
        return [pulse for load in self.loads for pulse in load.pulses]

    async def verdicts(self) -> list[Verdict]:
        """End the load, and judge every ledger by the store."""
        self.site.is_over.set()
        await asyncio.gather(*self._running)
        database = await asyncpg.connect(self.site.mesh.database_url)
        try:
            return [await load.compare(database) for load in self.loads]
        finally:
            await database.close()


@asynccontextmanager
async def mixed_load(mesh: LocalMesh) -> AsyncIterator[Mixed]:
    """Load for as long as the block runs, or until its verdicts are asked for."""
    async with signed_in(mesh) as http:
        site = Site(mesh, http, asyncio.Event())
        viewer = await Viewer.prepared(site)
        loads: list[Load] = [
            await Measurements.prepared(site),
            await Telemetry.prepared(site),
            await Observations.prepared(site),
            await Inspections.prepared(site),
            await Printing.prepared(site),
            viewer,
        ]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(load.run()) for load in loads]
            try:
                yield Mixed(site, viewer, loads, running)
            finally:
                site.is_over.set()
