"""Puts the vision node together; the only place that knows all its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.auth import machine_audience
from common.errors import Unavailable
from common.serve import create_app
from vision_node.api import router
from vision_node.runtime import node as runtime
from vision_node.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """The vision node as an app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with runtime.running(settings) as node:
            app.state.node = node
            yield

    def is_known() -> None:
        node: runtime.Node = app.state.node
        if not node.presence.is_known:
            raise Unavailable("the orchestrator has not answered a heartbeat")

    def audience() -> str | None:
        node: runtime.Node = app.state.node
        machine_id = node.inspections.machine_id
        return None if machine_id is None else machine_audience(machine_id)

    app = create_app(
        settings,
        title="Gemba vision node",
        description="A machine that sees: runs inspection pipelines.",
        lifespan=lifespan,
        routers=[router],
        checks={"orchestrator": is_known},
        audience=audience,
    )
    return app
