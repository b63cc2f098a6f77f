"""Puts the tracking service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from tracking.api import cameras, observations, rulebook, sessions, workers, zones
from tracking.api.dependencies import Services
from tracking.events import Events
from tracking.models import metadata
from tracking.repository.pool import IntakePool
from tracking.service.intake import IntakeService
from tracking.service.lenses import LensService
from tracking.service.people import PeopleService
from tracking.service.places import PlaceService
from tracking.service.plans import Plans
from tracking.service.rulebook import RulebookService
from tracking.service.stays import StayService
from tracking.service.telling import Teller
from tracking.settings import Settings
from tracking.vault import Vault


def build_app(settings: Settings) -> FastAPI:
    """The tracking service as an app."""
    parts = Parts(settings, package="tracking", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = IntakePool(settings, size=settings.ingest_connections)
        rules = RulebookService(settings, parts.database)
        app.state.services = Services(
            settings=settings,
            people=PeopleService(parts.database, rules),
            places=PlaceService(parts.database),
            lenses=LensService(parts.database, Vault(settings.vault_secret)),
            rulebook=rules,
            intake=IntakeService(pool, Plans(settings.timezone), Teller(Events(parts.bus))),
            stays=StayService(parts.database),
        )
        async with parts.running(app):
            try:
                yield
            finally:
                await pool.close()

    return create_app(
        settings,
        title="Gemba tracking",
        description="People, zones and sessions on the floor.",
        lifespan=lifespan,
        routers=[
            workers.router,
            zones.router,
            cameras.router,
            rulebook.router,
            observations.router,
            sessions.router,
        ],
        checks=parts.checks,
    )
