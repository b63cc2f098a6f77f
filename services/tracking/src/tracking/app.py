"""Puts the tracking service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from tracking.api import cameras, rulebook, workers, zones
from tracking.api.dependencies import Services
from tracking.models import metadata
from tracking.service.lenses import LensService
from tracking.service.people import PeopleService
from tracking.service.places import PlaceService
from tracking.service.rulebook import RulebookService
from tracking.settings import Settings
from tracking.vault import Vault


def build_app(settings: Settings) -> FastAPI:
    """The tracking service as an app."""
    parts = Parts(settings, package="tracking", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        rules = RulebookService(settings, parts.database)
        app.state.services = Services(
            settings=settings,
            people=PeopleService(parts.database, rules),
            places=PlaceService(parts.database),
            lenses=LensService(parts.database, Vault(settings.vault_secret)),
            rulebook=rules,
        )
        async with parts.running(app):
            yield

    return create_app(
        settings,
        title="Gemba tracking",
        description="People, zones and sessions on the floor.",
        lifespan=lifespan,
        routers=[workers.router, zones.router, cameras.router, rulebook.router],
        checks=parts.checks,
    )
