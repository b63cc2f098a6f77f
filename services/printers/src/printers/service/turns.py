"""Updates of one printer one after another, those of different printers at once."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from common.errors import Unavailable

_PATIENCE_S: Final = 15.0


class Turns:
    """Who waits here holds no connection: a printer that sends much delays only itself.

    It is about this process. What another replica changes meanwhile, PostgreSQL tells.
    """

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, speaker: Hashable) -> AsyncIterator[None]:
        """Wait for the turn of who speaks for a printer, and keep it until the block ends.

        Args:
            speaker: the printer and the key that was sent with it: who has a wrong one waits
                with others of that kind, not with the printer.

        Raises:
            Unavailable: it did not come in time.
        """
        lock = self._locks.setdefault(speaker, asyncio.Lock())
        try:
            async with asyncio.timeout(self._patience_s):
                await lock.acquire()
        except TimeoutError as error:
            raise Unavailable() from error
        try:
            yield
        finally:
            lock.release()
