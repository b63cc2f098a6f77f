"""Hears from PostgreSQL which sessions and keys have ended, and closes what they hold open."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
from sqlalchemy.engine import make_url

from gateway.identity.repository import CHANNEL
from gateway.identity.verifier import CredentialVerifier

_PING_EVERY_S: Final = 5.0
_PING_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 0.5
_log = logging.getLogger("revocations")

OnEnded = Callable[[str], None]
OnResumed = Callable[[], Awaitable[None]]


class Revocations:
    """Listens for as long as the app lives; while it cannot, nothing remembered is believed."""

    def __init__(
        self,
        database_url: str,
        *,
        verifier: CredentialVerifier,
        on_ended: OnEnded,
        on_resumed: OnResumed,
    ) -> None:
        url = make_url(database_url).set(drivername="postgresql")
        self._address = url.render_as_string(hide_password=False)
        self._verifier = verifier
        self._on_ended = on_ended
        self._on_resumed = on_resumed

    def ended(self, subject: str) -> None:
        """A session or a key has ended: forget it and close its sockets, here and now."""
        self._verifier.forget(subject)
        self._on_ended(subject)

    async def run(self) -> None:
        """Listen, and come back after every break; cancelled by the lifespan."""
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("revocations cannot be heard: %r", error)
            finally:
                self._verifier.is_told_of_revocations = False
            await asyncio.sleep(_RETRY_S)

    async def _listen(self) -> None:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(self._address, timeout=3)
        try:
            await connection.add_listener(CHANNEL, self._heard)
            self._verifier.forget()
            self._verifier.is_told_of_revocations = True
            await self._on_resumed()
            while True:
                await connection.execute("SELECT 1", timeout=_PING_TIMEOUT_S)
                await asyncio.sleep(_PING_EVERY_S)
        finally:
            connection.terminate()

    def _heard(self, *notification: Any) -> None:
        self.ended(str(notification[-1]))
