"""What every service with a schema holds: database, bus, client, and its place in the mesh."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import MetaData, text

from common.bus import Bus
from common.client import MeshClient
from common.db import Database
from common.errors import Unavailable
from common.membership import Membership
from common.revisions import head_of
from common.serve import Check, answer_of
from common.settings import ServiceSettings


class Parts:
    """Made without touching the network; `running` opens and closes them in order."""

    def __init__(self, settings: ServiceSettings, *, package: str, metadata: MetaData) -> None:
        self.database = Database(settings, application=package)
        self.bus = Bus(settings, name=package)
        self.client = MeshClient(settings, service=package)
        self._schema = metadata.schema
        self._head = head_of(package)
        self.membership = Membership(
            settings,
            self.bus,
            service=package,
            checks={name: _asking(check) for name, check in self.checks.items()},
        )

    @asynccontextmanager
    async def running(self, app: FastAPI) -> AsyncIterator[None]:
        """Hold the parts open for the app's life and put them on its state."""
        app.state.database = self.database
        app.state.bus = self.bus
        app.state.client = self.client
        try:
            async with self.bus.running(), self.membership.running():
                yield
        finally:
            await self.client.close()
            await self.database.close()

    @property
    def checks(self) -> Mapping[str, Check]:
        """What `/readyz` asks."""
        return {"postgresql": self._schema_is_new, "nats": self._bus_is_up}

    async def _schema_is_new(self) -> None:
        query = text(f'SELECT version_num FROM "{self._schema}".alembic_version')
        async with self.database.engine.connect() as connection:
            version = (await connection.execute(query)).scalar()
        if version != self._head:
            raise Unavailable(f"the schema is at {version}, the code wants {self._head}")

    def _bus_is_up(self) -> None:
        if not self.bus.is_connected:
            raise Unavailable("NATS does not answer")


def _asking(check: Check) -> Callable[[], Awaitable[str]]:
    return lambda: answer_of(check)
