"""Puts the tracking service together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, FastAPI

from common.loops import repeat
from common.parts import Parts
from common.pool import Pool
from common.serve import create_app
from common.vault import Vault
from tracking.api import (
    alerts,
    cameras,
    internal,
    metrics,
    observations,
    queries,
    reports,
    rulebook,
    sessions,
    streams,
    workers,
    zones,
)
from tracking.api.dependencies import Services
from tracking.events import Events
from tracking.models import metadata
from tracking.service.answering import AnswerService
from tracking.service.attention import AttentionService
from tracking.service.intake import IntakeService
from tracking.service.lenses import LensService
from tracking.service.people import PeopleService
from tracking.service.phrasing import PhrasingService
from tracking.service.places import PlaceService
from tracking.service.plans import Plans
from tracking.service.recalling import RecallService
from tracking.service.reckoning import ReckoningService
from tracking.service.reporting import ReportingService
from tracking.service.rulebook import RulebookService
from tracking.service.running import RunningService
from tracking.service.stays import StayService
from tracking.service.telling import Teller
from tracking.service.ticking import Ticker
from tracking.service.vigilance import Vigilance
from tracking.settings import Settings
from tracking.streaming.feed import Feed

Worker = Callable[[], Coroutine[Any, Any, None]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    workers.router,
    zones.router,
    cameras.router,
    rulebook.router,
    observations.router,
    sessions.router,
    metrics.router,
    alerts.router,
    reports.router,
    queries.router,
    internal.router,
    streams.router,
)
_INDEX_S: Final = 1.0
_RECONCILE_S: Final = 2.0
_LEARN_S: Final = 5.0
_PRUNE_S: Final = 60.0


class Assembly:
    """The service's parts, made without touching the network."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.parts = Parts(settings, package="tracking", metadata=metadata)
        database, events = self.parts.database, Events(self.parts.bus)
        self.pool = Pool(settings, application="tracking-intake", size=settings.ingest_connections)
        self.feed = Feed(self.parts.bus)
        teller, plans = Teller(events), Plans(settings.timezone)
        rules = RulebookService(settings, database)
        vault = Vault(settings.vault_secret, purpose="gemba cameras' addresses")
        lenses = LensService(database, vault)
        self.running = RunningService(
            settings, database=database, client=self.parts.client, vault=vault
        )
        self.ticker = Ticker(
            settings,
            database=database,
            pool=self.pool,
            rules=rules,
            lenses=lenses,
            events=events,
            teller=teller,
        )
        self.recall, self.phrasing = RecallService(settings, self.pool), PhrasingService(settings)
        self.vigilance = Vigilance(self.pool, plans, teller)
        self.services = Services(
            settings=settings,
            people=PeopleService(database, rules),
            places=PlaceService(database),
            lenses=lenses,
            rulebook=rules,
            intake=IntakeService(self.pool, plans, teller),
            stays=StayService(database),
            reckoning=ReckoningService(database, rules),
            attention=AttentionService(database, teller),
            reporting=ReportingService(database, rules),
            running=self.running,
            answers=AnswerService(
                database, rules=rules, recall=self.recall, phrasing=self.phrasing
            ),
            ticker=self.ticker,
        )

    def workers(self) -> Sequence[Worker]:
        """What runs beside the requests."""
        settings, vigilance, ticker = self.settings, self.vigilance, self.ticker
        sweep_s = settings.floor_sweep_s
        prune = partial(vigilance.prune, settings.frame_memory_s)
        reconcile = partial(repeat, self.running.reconcile, name="streams", every_s=_RECONCILE_S)
        return [
            *([reconcile] if settings.camera_supervision else []),
            self.feed.run,
            partial(repeat, vigilance.sweep, name="sweep", every_s=sweep_s),
            partial(repeat, vigilance.judge_all, name="judge", every_s=sweep_s),
            partial(repeat, self.recall.learn, name="learn", every_s=_LEARN_S),
            partial(repeat, prune, name="prune", every_s=_PRUNE_S),
            partial(repeat, ticker.watch_cameras, name="cameras", every_s=sweep_s),
            partial(repeat, ticker.watch_index, name="index", every_s=_INDEX_S),
            partial(repeat, ticker.tell_metrics, name="metrics", every_s=settings.metrics_update_s),
        ]


def build_app(settings: Settings) -> FastAPI:
    """The tracking service as an app."""
    assembly = Assembly(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = assembly.services
        app.state.feed = assembly.feed
        try:
            async with assembly.parts.running(app), _working(assembly.workers()):
                yield
        finally:
            await assembly.recall.close()
            await assembly.phrasing.close()
            await assembly.pool.close()

    return create_app(
        settings,
        title="Gemba tracking",
        description="People, zones and sessions on the floor.",
        lifespan=lifespan,
        routers=ROUTERS,
        checks=assembly.parts.checks,
        details=lambda: {"cameras": assembly.ticker.statuses},
    )


@asynccontextmanager
async def _working(workers: Sequence[Worker]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(worker()) for worker in workers]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
