"""Removes what is past its retention, bytes and rows (settings say how long that is)."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from common.db import Database
from orchestrator.repository import attempts, images, inspections
from orchestrator.settings import Settings
from orchestrator.storage import Storage

_AT_ONCE: Final = 200
_log = logging.getLogger("retention")


class Retention:
    """Any replica may do it: rows that another one is removing are skipped."""

    def __init__(self, settings: Settings, *, database: Database, storage: Storage) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage

    async def sweep(self) -> tuple[int, int]:
        """Remove everything that is due; how many inspections and how many images."""
        removed = (await self._all(self._some_inspections), await self._all(self._some_images))
        if any(removed):
            _log.info("removed %d inspections and %d images", *removed)
        return removed

    async def _all(self, some: Callable[[], Awaitable[int]]) -> int:
        total = 0
        while (count := await some()) > 0:
            total += count
        return total

    async def _some_inspections(self) -> int:
        days = self._settings.result_retention_days
        if days == 0:
            return 0
        async with self._database.transaction() as session:
            ids = await inspections.finished_before(session, days=days, limit=_AT_ONCE)
            keys = await attempts.artifact_keys(session, ids)
            await inspections.remove(session, ids)
        await self._storage.discard(keys)
        return len(ids)

    async def _some_images(self) -> int:
        days = self._settings.image_retention_days
        if days == 0:
            return 0
        async with self._database.transaction() as session:
            found = await images.uploaded_before(session, days=days, limit=_AT_ONCE)
            await images.remove(session, [image_id for image_id, _ in found])
        await self._storage.discard([key for _, key in found])
        return len(found)
