"""The loop that empties the queue: woken by the bus, and looking by itself now and then."""

import asyncio
import logging
from typing import Final

from nats.aio.msg import Msg

from common.bus import Bus
from common.loops import PASSING, wait_for
from orchestrator.events import WAKE_SUBJECT
from orchestrator.service.dispatch import Claimed, Dispatcher
from orchestrator.settings import Settings

_PAUSE_S: Final = 1.0
_log = logging.getLogger("dispatching")


class DispatchLoop:
    """Claims while there is something to claim; pushes run beside it, as many as one batch."""

    def __init__(self, settings: Settings, *, dispatcher: Dispatcher, bus: Bus) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._bus = bus
        self._wake = asyncio.Event()
        self._pushing: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._has_identity = True

    async def run(self) -> None:
        """Dispatch until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen())
            while not self._is_stopping:
                try:
                    await self._round(tasks)
                except PASSING as error:
                    _log.warning("claiming: %r", error)
                    await asyncio.sleep(_PAUSE_S)
                await wait_for(self._wake, self._settings.dispatch_poll_s)
            listening.cancel()

    def stop(self) -> None:
        """Claim no more; `run` ends when what was claimed has been pushed."""
        self._is_stopping = True
        self._wake.set()

    async def _listen(self) -> None:
        await self._bus.wait_connected()
        await self._bus.client.subscribe(WAKE_SUBJECT, cb=self._on_wake)

    async def _on_wake(self, message: Msg) -> None:
        self._wake.set()

    async def _round(self, tasks: asyncio.TaskGroup) -> None:
        """Claim batch after batch, until nothing can be claimed."""
        while not self._is_stopping:
            claimed = await self._dispatcher.claim(limit=await self._room())
            for one in claimed:
                task = tasks.create_task(self._push(one))
                self._pushing.add(task)
                task.add_done_callback(self._pushing.discard)
            if not claimed:
                return
            if not self._has_identity:
                await asyncio.sleep(_PAUSE_S)

    async def _room(self) -> int:
        """How many may be claimed now; waits until it is one at least.

        Without a token of our own, one at a time is tried until a push succeeds again.
        """
        most = self._settings.dispatch_batch if self._has_identity else 1
        while len(self._pushing) >= most:
            await asyncio.wait(self._pushing, return_when=asyncio.FIRST_COMPLETED)
        return most - len(self._pushing)

    async def _push(self, claimed: Claimed) -> None:
        try:
            outcome = await self._dispatcher.push(claimed)
        except PASSING as error:
            # The lease stays; if the machine never saw it, it expires.
            _log.warning(
                "pushing: %r", error, extra={"inspection_id": claimed.assignment.inspection_id}
            )
        except Exception:
            # One inspection that cannot be pushed must not stop the queue.
            inspection_id = claimed.assignment.inspection_id
            _log.exception("pushing", extra={"inspection_id": inspection_id})
        else:
            self._has_identity = outcome != "no_identity"
