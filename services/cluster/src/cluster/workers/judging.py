"""Looks twice a second at what is wrong, and turns it into alerts."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from cluster import metrics
from cluster.damping import Damper
from cluster.judging import Thresholds, judge
from cluster.repository import places
from cluster.service.alerts import AlertBook
from cluster.service.overview import Overview
from cluster.service.tuning import SettingsService
from cluster.service.watch import Watch
from cluster.workers.leading import Leadership
from common.db import Database

_MISSED_FOR: Final = timedelta(days=7)
_NOTE_S: Final = 15.0
_TELL_S: Final = 1.0


class Judging:
    """Every replica looks; the one that leads speaks."""

    def __init__(
        self,
        *,
        watch: Watch,
        alerts: AlertBook,
        overview: Overview,
        tuning: SettingsService,
        leadership: Leadership,
        database: Database,
        damper: Damper,
    ) -> None:
        self._watch = watch
        self._alerts = alerts
        self._overview = overview
        self._tuning = tuning
        self._leadership = leadership
        self._database = database
        self._damper = damper
        self._noted_at = float("-inf")

    async def look(self) -> None:
        """One look."""
        settings = self._tuning.current
        self._watch.sampling_s = settings.sampling_interval_seconds
        self._watch.tuning_version = self._tuning.version
        self._watch.look()
        self._measure()
        if not self._leadership.leads:
            self._damper.forget_all()
            return
        if self._leadership.began.is_set():
            await self._take_over()
        thresholds = Thresholds(**settings.alert_thresholds.model_dump())
        facts = self._watch.facts(
            thresholds,
            has_database=self._overview.has_database,
            open_causes=self._damper.open_causes,
        )
        if facts.is_bus_up and not self._watch.can_tell:
            # Just back on the bus: who is missing is not known yet, so nothing ends or begins.
            return
        for change in self._damper.step(judge(facts), now_s=time.monotonic()):
            await self._alerts.found(change)
        await self._note()

    async def _take_over(self) -> None:
        """Go on where the replica that led before has stopped."""
        for finding in await self._alerts.open_findings():
            self._damper.adopt(finding, now_s=time.monotonic())
        async with self._database.transaction() as session:
            known = await places.services_since(session, datetime.now(UTC) - _MISSED_FOR)
        self._watch.expect(known)
        self._leadership.began.clear()

    async def _note(self) -> None:
        """Remember who was here, should this replica itself be away when somebody vanishes."""
        if time.monotonic() - self._noted_at < _NOTE_S or not self._overview.has_database:
            return
        self._noted_at = time.monotonic()
        try:
            async with self._database.transaction() as session:
                await places.note_services(session, {one.service for one in self._watch.live()})
                await places.forget_services(session, datetime.now(UTC) - _MISSED_FOR)
        except (SQLAlchemyError, OSError, TimeoutError):
            return

    def _measure(self) -> None:
        for name in self._watch.roster.services:
            metrics.SERVICES_LIVE.labels(name).set(len(self._watch.live(name)))

    async def tell_newcomers(self) -> None:
        """Tell the settings again when somebody does not know them yet, once a second at most."""
        await self._watch.stale_tuning.wait()
        self._watch.stale_tuning.clear()
        await self._tuning.tell()
        await asyncio.sleep(_TELL_S)
