"""Tells machines at once of cancelled inspections, without making the user wait for them."""

import asyncio
from contextlib import suppress
from typing import Final

from orchestrator.service.dispatch import Dispatcher

_WAITING: Final = 1000


class Recalls:
    """A bounded queue of recalls; one that finds it full comes with the next heartbeat instead."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_WAITING)

    def add(self, inspection_id: str, machine_id: str) -> None:
        """Recall an inspection soon."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((inspection_id, machine_id))

    async def run_one(self) -> None:
        """Wait for a recall and carry it out."""
        inspection_id, machine_id = await self._waiting.get()
        await self._dispatcher.recall(inspection_id, machine_id)
