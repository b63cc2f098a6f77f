"""Puts the tracking service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from tracking.models import metadata
from tracking.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """The tracking service as an app."""
    parts = Parts(settings, package="tracking", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts.running(app):
            yield

    return create_app(
        settings,
        title="Gemba tracking",
        description="People, zones and sessions on the floor.",
        lifespan=lifespan,
        routers=[],
        checks=parts.checks,
    )
