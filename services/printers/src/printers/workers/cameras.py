"""Looks at each camera every so often; a slow one delays no other."""

import asyncio
import logging
import time
from typing import Final

from common.loops import PASSING, repeat
from printers.reach import Reach, open_session
from printers.service.looking import CameraService, Due, NoVerdict
from printers.settings import Settings

_ROUND_S: Final = 1.0
_AT_ONCE: Final = 8
_LONGEST_S: Final = 120.0
_log = logging.getLogger("cameras")


class CameraRounds:
    """One task for each camera that is being looked at."""

    def __init__(self, settings: Settings, cameras: CameraService) -> None:
        self._settings = settings
        self._cameras = cameras
        self._looked_at: dict[str, float] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        slots = asyncio.Semaphore(_AT_ONCE)
        session = open_session(self._settings, Reach(self._settings))
        async with session, asyncio.TaskGroup() as tasks:

            async def look(due: Due) -> None:
                try:
                    async with slots, asyncio.timeout(_LONGEST_S):
                        await self._cameras.look(due, session)
                except (NoVerdict, *PASSING) as error:
                    _log.info("%s: %s", due.printer_id, error)

            async def go_round() -> None:
                for due in await self._cameras.due():
                    if self._is_time(due):
                        task = tasks.create_task(look(due))
                        self._under_way[due.printer_id] = task

            await repeat(go_round, name="cameras", every_s=_ROUND_S)

    def _is_time(self, due: Due) -> bool:
        task = self._under_way.get(due.printer_id)
        if task is not None and not task.done():
            return False
        now = time.monotonic()
        if now - self._looked_at.get(due.printer_id, float("-inf")) < due.camera.interval_seconds:
            return False
        self._looked_at[due.printer_id] = now
        return True
