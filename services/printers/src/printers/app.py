"""Puts the printers service together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from common.loops import repeat
from common.parts import Parts
from common.pool import Pool
from common.serve import create_app
from printers.api import internal, printers, status, streams, works
from printers.api.dependencies import Services
from printers.events import Events
from printers.keys import CredentialVault
from printers.models import metadata
from printers.service.commanding import CommandService
from printers.service.fleet import FleetService
from printers.service.hearing import Hearing
from printers.service.looking import CameraService
from printers.service.recording import Recorder
from printers.service.statuses import StatusService
from printers.service.telling import Teller
from printers.service.vigilance import Vigilance
from printers.service.works import WorkService
from printers.settings import Settings
from printers.streaming.feed import Feed
from printers.workers.bridging import Supervisor
from printers.workers.cameras import CameraRounds
from printers.workers.mqtt_intake import MqttIntake

_MEASURE_S: Final = 15.0
_AT_ONCE: Final = 6
Worker = Callable[[], Coroutine[Any, Any, None]]


def build_app(settings: Settings) -> FastAPI:
    """The printers service as an app."""
    parts = Parts(settings, package="printers", metadata=metadata)
    pool = Pool(settings, application="printers-intake", size=_AT_ONCE)
    teller = Teller(Events(parts.bus))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        recorder, vault = Recorder(settings), CredentialVault(settings.vault_secret)
        hearing = Hearing(parts.database, pool, recorder=recorder, teller=teller)
        supervisor = Supervisor(
            settings, database=parts.database, pool=pool, vault=vault, hearing=hearing
        )
        commands = CommandService(
            settings, database=parts.database, switchboard=supervisor, teller=teller
        )
        app.state.services = Services(
            settings=settings,
            statuses=StatusService(parts.database, pool, recorder=recorder, teller=teller),
            fleet=FleetService(parts.database, vault, teller),
            works=WorkService(parts.database),
            commands=commands,
        )
        feed = Feed(parts.bus)
        app.state.feed = feed
        intake = MqttIntake(settings, bus=parts.bus, hearing=hearing)
        cameras = CameraService(
            settings,
            database=parts.database,
            pool=pool,
            client=parts.client,
            commands=commands,
            teller=teller,
        )
        rounds = CameraRounds(settings, cameras)
        workers = [
            feed.run,
            intake.run,
            *([supervisor.run, rounds.run] if settings.printer_bridges else []),
        ]
        vigilance = Vigilance(settings, database=parts.database, pool=pool, teller=teller)
        try:
            async with parts.running(app), _working(settings, vigilance, workers):
                yield
        finally:
            await pool.close()

    return create_app(
        settings,
        title="Gemba printers",
        description="3D printers and their jobs.",
        lifespan=lifespan,
        routers=[status.router, printers.router, works.router, internal.router, streams.router],
        checks=parts.checks,
    )


@asynccontextmanager
async def _working(
    settings: Settings, vigilance: Vigilance, workers: Sequence[Worker]
) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(
                repeat(vigilance.sweep, name="sweep", every_s=settings.printer_sweep_s)
            ),
            tasks.create_task(repeat(vigilance.measure, name="measure", every_s=_MEASURE_S)),
            *(tasks.create_task(worker()) for worker in workers),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
