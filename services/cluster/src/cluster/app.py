"""Puts the cluster service together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, FastAPI

from cluster.api import alerts, logs, sockets, system, tuning, workers
from cluster.api.dependencies import Services
from cluster.damping import Damper
from cluster.models import metadata
from cluster.schemas.tuning import ClusterSettings
from cluster.service.alerts import AlertBook
from cluster.service.dask_workers import DaskWorkers
from cluster.service.hosts import HostService
from cluster.service.logs import LogStore
from cluster.service.orders import OrderService
from cluster.service.overview import Overview
from cluster.service.tuning import SettingsService
from cluster.service.vision_nodes import VisionNodes
from cluster.service.watch import Watch
from cluster.settings import Settings
from cluster.streaming.hub import Hub
from cluster.workers.gathering import Gathering
from cluster.workers.judging import Judging
from cluster.workers.leading import Leadership
from cluster.workers.upkeep import ROLL_UP_S, TRIM_S, Upkeep
from cluster.workers.webhooks import WebhookSender
from common.loops import repeat
from common.parts import Parts
from common.serve import create_app, service_router

_LOOK_S: Final = 0.5
_KEEP_S: Final = 0.5
_PROBE_S: Final = 2.0
_REFRESH_S: Final = 3.0


@dataclass(frozen=True)
class Made:
    """What the workers of this process share."""

    services: Services
    watch: Watch
    dask: DaskWorkers
    leadership: Leadership
    gathering: Gathering
    judging: Judging
    upkeep: Upkeep
    webhooks: WebhookSender


def build_app(settings: Settings) -> FastAPI:
    """The cluster service as an app."""
    parts = Parts(settings, package="cluster", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        made = _make(settings, parts)
        app.state.services = made.services
        async with parts.running(app), _working(made):
            yield

    return create_app(
        settings,
        title="Gemba cluster",
        description="The mesh watches itself.",
        lifespan=lifespan,
        routers=[*_twins(), system.legacy, sockets.router],
        checks=parts.checks,
    )


def _twins() -> Sequence[APIRouter]:
    """Every path of this service answers below `/api` too."""
    plain = service_router()
    for module in (system, alerts, workers, logs, tuning):
        plain.include_router(module.router)
    twin = service_router(prefix="/api")
    twin.include_router(plain)
    return plain, twin


def _make(settings: Settings, parts: Parts) -> Made:
    database, bus = parts.database, parts.bus
    watch = Watch(bus, silence_s=settings.silence_s)
    hosts = HostService(database, watch)
    book = AlertBook(database, bus)
    dask = DaskWorkers(settings)
    orders = OrderService(database, [VisionNodes(settings, parts.client), dask])
    first = ClusterSettings(log_level=settings.log_level)
    tuned = SettingsService(database, bus, parts.membership, first=first)
    store = LogStore(settings, database=database, bus=bus)
    overview = Overview(
        settings,
        watch=watch,
        hosts=hosts,
        alerts=book,
        orders=orders,
        dask=dask,
        database=database,
        bus=bus,
    )
    leadership = Leadership(database)
    services = Services(
        bus=bus,
        overview=overview,
        hosts=hosts,
        alerts=book,
        orders=orders,
        logs=store,
        tuning=tuned,
        hub=Hub(bus),
    )
    sender = WebhookSender(settings)
    book.listeners.append(sender.changed)
    return Made(
        services=services,
        watch=watch,
        dask=dask,
        leadership=leadership,
        gathering=Gathering(
            bus=bus,
            database=database,
            watch=watch,
            hosts=hosts,
            alerts=book,
            leadership=leadership,
        ),
        judging=Judging(
            watch=watch,
            alerts=book,
            overview=overview,
            tuning=tuned,
            leadership=leadership,
            database=database,
            damper=Damper(settings.settle_s),
        ),
        upkeep=Upkeep(
            leadership=leadership, hosts=hosts, logs=store, tuning=tuned, database=database
        ),
        webhooks=sender,
    )


@asynccontextmanager
async def _working(made: Made) -> AsyncIterator[None]:
    services = made.services
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(work)
            for work in (
                made.watch.run(),
                made.leadership.run(),
                made.gathering.run(),
                services.hub.run(),
                services.logs.run(),
                services.alerts.keep_for_ever(),
                repeat(made.gathering.keep, name="keep", every_s=_KEEP_S),
                repeat(services.overview.probe, name="probe", every_s=_PROBE_S),
                repeat(services.tuning.refresh, name="settings", every_s=_REFRESH_S),
                repeat(made.judging.look, name="look", every_s=_LOOK_S),
                repeat(made.judging.tell_newcomers, name="tell", every_s=0.0),
                repeat(made.upkeep.roll_up, name="roll up", every_s=ROLL_UP_S),
                repeat(made.upkeep.trim, name="trim", every_s=TRIM_S),
                repeat(made.webhooks.send_one, name="webhooks", every_s=0.0),
                repeat(lambda: services.orders.look(tasks), name="orders", every_s=0.0),
            )
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            services.orders.stop()
    await made.dask.close()
