"""Keeps the warden running, the process that cleans up should the runner be killed."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gemba_local.journal import Journal
from gemba_local.processes import Belongings
from gemba_local.warden import FAREWELL

_RESTART_S: Final = 1.0
_FAREWELL_S: Final = 5.0


class Guard:
    """Starts the warden, again if it ends, and takes leave of it at the end."""

    def __init__(
        self,
        belongings: Belongings,
        *,
        lock: int,
        patience_s: float,
        journal: Journal,
        changed: Callable[[], None],
    ) -> None:
        self._belongings = belongings
        self._lock = lock
        self._patience_s = patience_s
        self._journal = journal
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = -1

    @property
    def pid(self) -> int | None:
        """The warden's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the warden; it shares the data folder's lock."""
        reader, self._pipe = os.pipe()
        cluster = self._belongings.cluster
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "gemba_local.warden",
                str(reader), str(self._lock), self._belongings.run_id,
                str(self._patience_s), str(cluster or ""),
                pass_fds=(reader, self._lock), start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            os.close(reader)

    async def keep(self) -> None:
        """Start the warden again whenever it ends; runs until it is cancelled."""
        while self._process:
            await self._process.wait()
            os.close(self._pipe)
            self._journal.note("The warden ended; starting it again", level="WARNING")
            await asyncio.sleep(_RESTART_S)
            await self.start()
            self._changed()

    async def dismiss(self) -> None:
        """Tell the warden that all is well, so that it ends."""
        if not self._process:
            return
        with suppress(OSError):
            os.write(self._pipe, FAREWELL)
            os.close(self._pipe)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._process.wait()
