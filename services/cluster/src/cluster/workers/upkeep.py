"""Keeps the store in order: rollups, retention, budgets. One replica does it at a time."""

from datetime import UTC, datetime, timedelta
from typing import Final

from cluster import metrics
from cluster.repository import alerts, operations
from cluster.service.hosts import HostService
from cluster.service.logs import LogStore
from cluster.service.tuning import SettingsService
from cluster.workers.leading import Leadership
from common.db import Database

ROLL_UP_S: Final = 20.0
TRIM_S: Final = 15.0
_ALERTS_FOR: Final = timedelta(days=90)


class Upkeep:
    """What has to be done now and then."""

    def __init__(
        self,
        *,
        leadership: Leadership,
        hosts: HostService,
        logs: LogStore,
        tuning: SettingsService,
        database: Database,
    ) -> None:
        self._leadership = leadership
        self._hosts = hosts
        self._logs = logs
        self._tuning = tuning
        self._database = database

    async def roll_up(self) -> None:
        """Sum samples up and delete what is older than it is kept."""
        if self._leadership.leads:
            await self._hosts.roll_up()
            days = self._tuning.current.metrics_retention_days
            await self._hosts.forget(retention_days=days)

    async def trim(self) -> None:
        """Keep log lines, alerts and operations bounded."""
        if not self._leadership.leads:
            return
        await self._logs.trim(retention_hours=self._tuning.current.log_retention_hours)
        before = datetime.now(UTC) - _ALERTS_FOR
        async with self._database.transaction() as session:
            await alerts.forget(session, before)
            await operations.forget(session, before)
            open_now = await alerts.totals(session)
        for severity in ("info", "warning", "critical"):
            metrics.ALERTS_OPEN.labels(severity).set(open_now.get(severity, 0))
