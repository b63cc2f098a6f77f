"""asyncpg's own pool for what comes each second: arrays and prepared statements, no layer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy.engine import make_url

from common.errors import DatabaseUnavailable
from common.settings import ServiceSettings

_log = logging.getLogger("intake")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
_CONNECT_TIMEOUT_S: Final = 5
_STATEMENT_TIMEOUT_S: Final = 30
_ACQUIRE_TIMEOUT_S: Final = 5
UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


class IntakePool:
    """Connections for observations, opened when first needed and closed with the app."""

    def __init__(self, settings: ServiceSettings, *, size: int) -> None:
        url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql")
        self._address = url.render_as_string(hide_password=False)
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
                    server_settings={"application_name": "gemba-tracking-intake"},
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
        except UNREACHABLE as error:
            _log.warning("the database does not answer: %r", error)
            raise DatabaseUnavailable() from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction, which commits at the end of the block.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or broke off.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close every connection, those in use by force."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 2)
            except TimeoutError:
                self._pool.terminate()
