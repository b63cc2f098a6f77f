"""Puts the printers service together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from common.parts import Parts
from common.serve import create_app
from printers.api import internal, printers, status, works
from printers.api.dependencies import Services
from printers.events import Events
from printers.keys import Vault
from printers.models import metadata
from printers.service.commanding import CommandService
from printers.service.fleet import FleetService
from printers.service.recording import Recorder
from printers.service.statuses import StatusService
from printers.service.telling import Teller
from printers.service.vigilance import Vigilance
from printers.service.works import WorkService
from printers.settings import Settings
from printers.workers.bridging import Supervisor
from printers.workers.loops import repeat

_MEASURE_S: Final = 15.0


def build_app(settings: Settings) -> FastAPI:
    """The printers service as an app."""
    parts = Parts(settings, package="printers", metadata=metadata)
    teller = Teller(Events(parts.bus))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        supervisor = Supervisor()
        app.state.services = _services(settings, parts, teller=teller, supervisor=supervisor)
        async with parts.running(app), _working(settings, parts, teller=teller):
            yield

    return create_app(
        settings,
        title="Gemba printers",
        description="3D printers and their jobs.",
        lifespan=lifespan,
        routers=[status.router, printers.router, works.router, internal.router],
        checks=parts.checks,
    )


def _services(
    settings: Settings, parts: Parts, *, teller: Teller, supervisor: Supervisor
) -> Services:
    database = parts.database
    return Services(
        settings=settings,
        statuses=StatusService(database, Recorder(settings), teller),
        fleet=FleetService(database, Vault(settings.vault_secret), teller),
        works=WorkService(database),
        commands=CommandService(settings, database=database, switchboard=supervisor, teller=teller),
    )


@asynccontextmanager
async def _working(settings: Settings, parts: Parts, *, teller: Teller) -> AsyncIterator[None]:
    vigilance = Vigilance(settings, database=parts.database, teller=teller)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(
                repeat(vigilance.sweep, name="sweep", every_s=settings.printer_sweep_s)
            ),
            tasks.create_task(repeat(vigilance.measure, name="measure", every_s=_MEASURE_S)),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
