"""Puts the devices service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from devices.models import metadata
from devices.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """The devices service as an app."""
    parts = Parts(settings, package="devices", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts.running(app):
            yield

    return create_app(
        settings,
        title="Gemba devices",
        description="IoT devices and their measurements.",
        lifespan=lifespan,
        routers=[],
        checks=parts.checks,
    )
