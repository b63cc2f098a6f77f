"""Puts the devices service together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from common.parts import Parts
from common.pool import Pool
from common.serve import create_app
from devices.api import readings_in, readings_out, registry, rules, sockets
from devices.hub import Hub
from devices.inbox import Inbox
from devices.ingest import Ingest
from devices.live import LiveReadings
from devices.models import metadata
from devices.settings import Settings
from devices.store.commit import GroupCommit
from devices.store.directory import Directory
from devices.store.partitions import Partitions
from devices.store.submission import Submission
from devices.store.writer import Writer
from devices.watching import Watcher
from devices.workers import Upkeep, every

_READERS: Final = 8
_SWEEP_S: Final = 5.0


class Devices:
    """Every part of the service, made without touching the network."""

    def __init__(self, settings: Settings) -> None:
        self.parts = Parts(settings, package="devices", metadata=metadata)
        self.store = Pool(
            settings, application="devices-store", size=settings.ingest_lanes + _READERS
        )
        self.directory = Directory(settings)
        self.partitions = Partitions()
        self.live = LiveReadings(self.parts.bus)
        self.watcher = Watcher(self.store, self.parts.bus)
        self.hub = Hub(self.parts.bus)
        commit = GroupCommit(self.store, directory=self.directory, partitions=self.partitions)
        self.writer = Writer(settings, commit=commit, after_commit=self._committed)
        self.ingest = Ingest(
            settings, writer=self.writer, database=self.parts.database, pool=self.store
        )
        self.inbox = Inbox(self.parts.bus, self.ingest)
        self.upkeep = Upkeep(
            settings, pool=self.store, partitions=self.partitions, directory=self.directory
        )

    def _committed(self, stored: Sequence[Submission]) -> None:
        self.live.committed(stored)
        self.watcher.committed(stored)

    @asynccontextmanager
    async def running(self, app: FastAPI) -> AsyncIterator[None]:
        """Hold everything open and at work for the app's life."""
        app.state.store = self.store
        app.state.directory = self.directory
        app.state.ingest = self.ingest
        app.state.watcher = self.watcher
        app.state.hub = self.hub
        async with self.parts.running(app):
            try:
                async with asyncio.TaskGroup() as tasks:
                    workers = [
                        tasks.create_task(self.writer.run()),
                        tasks.create_task(self.live.run()),
                        tasks.create_task(self.inbox.run()),
                        tasks.create_task(self.upkeep.run()),
                        tasks.create_task(self.hub.run()),
                        tasks.create_task(every(0, self.watcher.follow)),
                        tasks.create_task(every(_SWEEP_S, self.watcher.sweep)),
                    ]
                    yield
                    for worker in workers:
                        worker.cancel()
            finally:
                await self.store.close()


def build_app(settings: Settings) -> FastAPI:
    """The devices service as an app."""
    devices = Devices(settings)
    return create_app(
        settings,
        title="Gemba devices",
        description="IoT devices and their measurements.",
        lifespan=devices.running,
        routers=[
            registry.router,
            registry.internal,
            readings_in.router,
            readings_out.router,
            rules.router,
            rules.internal,
            sockets.router,
        ],
        checks=devices.parts.checks,
    )
