"""Puts the printers service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from printers.models import metadata
from printers.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """The printers service as an app."""
    parts = Parts(settings, package="printers", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts.running(app):
            yield

    return create_app(
        settings,
        title="Gemba printers",
        description="3D printers and their jobs.",
        lifespan=lifespan,
        routers=[],
        checks=parts.checks,
    )
