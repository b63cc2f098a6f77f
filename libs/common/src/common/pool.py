"""asyncpg's own pool, for what comes many times a second: COPY and arrays without a layer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy.engine import make_url

from common.errors import DatabaseUnavailable
from common.settings import ServiceSettings

_log = logging.getLogger("pool")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
_CONNECT_TIMEOUT_S: Final = 5
_STATEMENT_TIMEOUT_S: Final = 30
_ACQUIRE_TIMEOUT_S: Final = 5
_UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


class Pool:
    """Connections that are opened when first needed and closed with the app.

    Nobody may leave anything of the session behind (`SET`, `LISTEN`, session locks): a connection
    goes back as it is, as asyncpg's own cleaning costs a round trip each time. A transaction that
    was left open is rolled back.
    """

    def __init__(self, settings: ServiceSettings, *, application: str, size: int) -> None:
        url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql")
        self._address = url.render_as_string(hide_password=False)
        self._application = f"gemba-{application}"
        self._size = size
        self._pool: asyncpg.Pool[Any] | None = None
        self._lock = asyncio.Lock()

    async def _opened(self) -> "asyncpg.Pool[Any]":
        async with self._lock:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._address,
                    min_size=0,
                    max_size=self._size,
                    timeout=_CONNECT_TIMEOUT_S,
                    command_timeout=_STATEMENT_TIMEOUT_S,
                    reset=_left_as_it_is,
                    server_settings={"application_name": self._application},
                )
            return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside of any transaction.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or broke off.
        """
        try:
            pool = self._pool or await self._opened()
            async with pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection:
                yield connection
        except _UNREACHABLE as error:
            _log.warning("the database does not answer: %r", error)
            raise DatabaseUnavailable() from error

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Connection]:
        """A connection in a transaction, which commits at the end of the block.

        Args:
            snapshot: every statement sees the same moment, and none may write.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or broke off.
        """
        async with self.connection() as connection:
            isolation: Any = "repeatable_read" if snapshot else "read_committed"
            async with connection.transaction(isolation=isolation, readonly=snapshot):
                yield connection

    async def close(self) -> None:
        """Close every connection, those in use by force."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 2)
            except TimeoutError:
                self._pool.terminate()


async def _left_as_it_is(_: "asyncpg.Connection[Any]") -> None:
    """Nothing to clean; asyncpg has rolled an open transaction back before it asks."""
