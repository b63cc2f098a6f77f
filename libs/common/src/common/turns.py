"""What is about one thing one after another, what is about different things at once."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from common.errors import Unavailable

_PATIENCE_S: Final = 15.0


class Turns:
    """Who waits here holds no connection: a printer or camera that sends much delays only itself.

    It is about this process. What another replica changes meanwhile, PostgreSQL tells.
    """

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, what: Hashable) -> AsyncIterator[None]:
        """Wait for the turn, and keep it until the block ends.

        Args:
            what: what must not be changed twice at once; where who asks has proved nothing yet,
                its proof too, so that only those with the same one wait for each other.

        Raises:
            Unavailable: it did not come in time.
        """
        lock = self._locks.setdefault(what, asyncio.Lock())
        try:
            async with asyncio.timeout(self._patience_s):
                await lock.acquire()
        except TimeoutError as error:
            raise Unavailable() from error
        try:
            yield
        finally:
            lock.release()
