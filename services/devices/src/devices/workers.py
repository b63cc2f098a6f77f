"""What the service does beside answering: partitions, retention, rollups, clearing up."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import asyncpg

from common.errors import ServiceError
from common.pool import Pool
from devices.settings import Settings
from devices.store.directory import Directory
from devices.store.partitions import Partitions, coming
from devices.store.retention import drop_old_rollups, remove_orphans, settle_retention
from devices.store.rollups import Rollups

_ROLLUP_EVERY_S: Final = 2.0
_REST: Final = 3.0
_LONGEST_REST_S: Final = 30.0
_TIDY_EVERY_S: Final = 600.0
_RETRY_S: Final = 1.0
_log = logging.getLogger("workers")


async def every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job again and again, whatever the database does, until cancelled."""
    while True:
        try:
            await job()
        except (ServiceError, asyncpg.PostgresError) as error:
            _log.warning("%s: %r", getattr(job, "__name__", "a job"), error)
            await asyncio.sleep(_RETRY_S)
        else:
            await asyncio.sleep(seconds)


class Upkeep:
    """Keeps the store in order; any replica may do any of it."""

    def __init__(
        self,
        settings: Settings,
        *,
        pool: Pool,
        partitions: Partitions,
        directory: Directory,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._partitions = partitions
        self._directory = directory
        self._rollups = Rollups(pool)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(_ROLLUP_EVERY_S, self.roll_up))
            tasks.create_task(every(_TIDY_EVERY_S, self.tidy))

    async def roll_up(self) -> None:
        """Bring every rollup up to date, then rest long enough to leave the database to others."""
        worked_s, has_more = 0.0, True
        while has_more:
            began = time.monotonic()
            has_more = await self._rollups.repair()
            took_s = time.monotonic() - began
            worked_s += took_s
            if has_more:
                await asyncio.sleep(took_s)
        await asyncio.sleep(min(_LONGEST_REST_S, _REST * worked_s))

    async def tidy(self) -> None:
        """Make the partitions of the time ahead, drop those whose time is over, clear up."""
        settings, now = self._settings, datetime.now(UTC)
        kept = {settings.measurement_retention_days, *settings.metric_retention_days.values()}
        async with self._pool.connection() as connection:
            if await settle_retention(connection, settings):
                self._directory.forget()
            await self._partitions.ensure(connection, coming(kept, now))
            if dropped := await self._partitions.drop_over(connection, now):
                _log.info("dropped what was kept long enough: %s", ", ".join(dropped))
            await drop_old_rollups(connection, now)
        while await remove_orphans(self._pool) > 0:
            pass
