"""PostgreSQL for a service: engine, transactions, a session that commits before it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from common.settings import ServiceSettings

_CONNECT_TIMEOUT_S: Final = 5
_STATEMENT_TIMEOUT_S: Final = 30
_POOL_TIMEOUT_S: Final = 5
# PostgreSQL keeps for each connection what it prepared and looked up, and gives none of it back
# before the connection ends: a few MiB each, more by the hour.
_CONNECTION_LIFETIME_S: Final = 600
NAMING: Final = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def metadata_for(schema: str) -> MetaData:
    """The metadata of one service: its own schema, constraint names that migrations can rely on."""
    return MetaData(schema=schema, naming_convention=NAMING)


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _demand_open(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool take another connection for one that PostgreSQL has closed.

    asyncpg sees the end of its socket by itself. `pool_pre_ping` would ask the server, which is
    three round trips with this driver: more than most transactions have of their own.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class Database:
    """One pool of connections, owned by the app's lifespan.

    Args:
        connection_lifetime_s: a connection older than this is replaced when it is next asked for.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        application: str,
        connection_lifetime_s: float = _CONNECTION_LIFETIME_S,
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_pool_size,
            pool_timeout=_POOL_TIMEOUT_S,
            pool_recycle=connection_lifetime_s,
            # The same rules as for bodies: what was taken in by orjson can be given out by it.
            json_serializer=_json_text,
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": _STATEMENT_TIMEOUT_S,
                "server_settings": {"application_name": f"gemba-{application}"},
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _demand_open)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end of the block and rolls back when the block raises."""
        async with self._sessions() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """Ask for one row.

        Raises:
            Exception: whatever the driver says; the caller only wants to know that it failed.
        """
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


async def _session(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    database: Database = connection.app.state.database
    async with database.transaction() as session:
        yield session


# The function scope makes the commit run before the answer is sent: a commit that fails is a
# failed request. In FastAPI's default scope the client would already have read "200".
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
