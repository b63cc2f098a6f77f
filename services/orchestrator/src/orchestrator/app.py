"""Puts the orchestrator together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from common.loops import repeat
from common.parts import Parts
from common.serve import create_app
from orchestrator.api import (
    images,
    inspections,
    internal,
    machines,
    queue,
    streams,
    tools,
    webhooks,
)
from orchestrator.api.dependencies import Services
from orchestrator.events import Events
from orchestrator.models import metadata
from orchestrator.service import waits
from orchestrator.service.artifacts import ArtifactService
from orchestrator.service.dispatch import Dispatcher
from orchestrator.service.figures import FigureService
from orchestrator.service.images import ImageService
from orchestrator.service.inspections import InspectionService
from orchestrator.service.machines import MachineService
from orchestrator.service.node_events import NodeEventService
from orchestrator.service.node_logs import NodeLogService
from orchestrator.service.queue import QueueService
from orchestrator.service.recalls import Recalls
from orchestrator.service.results import ResultService
from orchestrator.service.signs import SignsOfLife
from orchestrator.service.toolboxes import Toolboxes
from orchestrator.service.tools import ToolService
from orchestrator.settings import Settings
from orchestrator.storage import Storage, open_storage
from orchestrator.streaming.feed import Feed
from orchestrator.workers.dispatching import DispatchLoop
from orchestrator.workers.retention import Retention

_MEASURE_S: Final = 2.0
_DRAIN_S: Final = 6.0


def build_app(settings: Settings) -> FastAPI:
    """The orchestrator as an app."""
    parts = Parts(settings, package="orchestrator", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        storage = await asyncio.to_thread(open_storage, settings)
        feed = Feed(parts.bus, viewer_queue=settings.viewer_queue)
        services = _services(settings, parts=parts, storage=storage, feed=feed)
        app.state.services = services
        app.state.feed = feed
        async with parts.running(app), _working(settings, parts, services=services, feed=feed):
            yield

    return create_app(
        settings,
        title="Gemba orchestrator",
        description="Machines, inspections and the queue between them.",
        lifespan=lifespan,
        routers=[
            machines.router,
            inspections.router,
            images.router,
            tools.router,
            queue.router,
            webhooks.router,
            streams.router,
            internal.router,
        ],
        checks=parts.checks,
    )


def _services(settings: Settings, *, parts: Parts, storage: Storage, feed: Feed) -> Services:
    database, events, toolboxes = parts.database, Events(parts.bus), Toolboxes()
    dispatcher = Dispatcher(settings, database=database, client=parts.client, events=events)
    made = InspectionService(
        settings, database=database, events=events, toolboxes=toolboxes, storage=storage
    )
    return Services(
        settings=settings,
        storage=storage,
        machines=MachineService(database, events),
        inspections=made,
        queue=QueueService(
            settings, database=database, events=events, dispatcher=dispatcher, inspections=made
        ),
        dispatcher=dispatcher,
        results=ResultService(settings, database=database, events=events),
        signs=SignsOfLife(
            settings,
            database=database,
            events=events,
            tuning=lambda: parts.membership.tuning,
        ),
        node_logs=NodeLogService(database=database, bus=parts.bus),
        node_events=NodeEventService(database=database, events=events, watched=feed.watched),
        artifacts=ArtifactService(database=database, storage=storage, events=events),
        images=ImageService(database=database, storage=storage),
        tools=ToolService(database=database, toolboxes=toolboxes),
        figures=FigureService(database=database),
        recalls=Recalls(dispatcher),
    )


@asynccontextmanager
async def _working(
    settings: Settings, parts: Parts, *, services: Services, feed: Feed
) -> AsyncIterator[None]:
    """Run the workers; at the end, claim no more and let the pushes under way come to an end."""
    dispatching = DispatchLoop(settings, dispatcher=services.dispatcher, bus=parts.bus)
    retention = Retention(settings, database=parts.database, storage=services.storage)

    async def measure() -> None:
        async with parts.database.transaction() as session:
            await waits.measure(session)

    async with asyncio.TaskGroup() as tasks:
        handing_out = tasks.create_task(dispatching.run())
        running = [
            handing_out,
            tasks.create_task(feed.run()),
            tasks.create_task(
                repeat(services.signs.sweep, name="sweep", every_s=settings.sweep_interval_s)
            ),
            tasks.create_task(repeat(services.recalls.run_one, name="recalls", every_s=0.0)),
            tasks.create_task(repeat(measure, name="measure", every_s=_MEASURE_S)),
            tasks.create_task(
                repeat(retention.sweep, name="retention", every_s=settings.retention_interval_s)
            ),
        ]
        try:
            yield
        finally:
            dispatching.stop()
            await asyncio.wait({handing_out}, timeout=_DRAIN_S)
            for task in running:
                task.cancel()
