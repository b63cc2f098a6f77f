"""Puts the cluster service together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from cluster.models import metadata
from cluster.settings import Settings
from common.parts import Parts
from common.serve import create_app


def build_app(settings: Settings) -> FastAPI:
    """The cluster service as an app."""
    parts = Parts(settings, package="cluster", metadata=metadata)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts.running(app):
            yield

    return create_app(
        settings,
        title="Gemba cluster",
        description="The mesh watches itself.",
        lifespan=lifespan,
        routers=[],
        checks=parts.checks,
    )
