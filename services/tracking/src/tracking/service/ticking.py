"""What viewers are told by the clock: the floor's metrics, and that an index has begun."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.db import Database
from common.pool import Pool
from tracking import metrics
from tracking.events import Events, metrics_message, utc
from tracking.floor.calendar import Calendar
from tracking.repository import silence
from tracking.schemas.metrics import Today
from tracking.service.lenses import LensService
from tracking.service.reckoning import day_summary
from tracking.service.rulebook import RulebookService
from tracking.service.telling import Teller
from tracking.settings import Settings

_NOTHING = -1


class Ticker:
    """Every replica reckons for itself; one of them tells."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        pool: Pool,
        rules: RulebookService,
        lenses: LensService,
        events: Events,
        teller: Teller,
    ) -> None:
        self._settings = settings
        self._database = database
        self._pool = pool
        self._rules = rules
        self._lenses = lenses
        self._events = events
        self._teller = teller
        # By camera, for `/readyz`: a probe must not wait for a query.
        self.statuses: dict[str, str] = {}

    async def tell_metrics(self) -> None:
        """Publish the floor's metrics."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
            today = await day_summary(session, calendar, None)
        self._teller.productivities = {zone.zone_id: zone.productivity for zone in today.zones}
        metrics.OPEN_SESSIONS.set(sum(zone.workers_count for zone in today.zones))
        async with self._pool.connection() as connection:
            every_s = self._settings.metrics_update_s * 0.9
            if await silence.is_due(connection, "metrics_update", every_s=every_s):
                await self._events.metrics(_message(today))

    async def metrics_update(self) -> dict[str, Any]:
        """The floor's metrics as the message that viewers get."""
        async with self._database.transaction() as session:
            today = await day_summary(session, await self._rules.calendar(session), None)
        return metrics_message(_message(today))

    async def watch_cameras(self) -> None:
        """Note each camera's status."""
        self.statuses = await self._lenses.statuses()
        for status in ("active", "inactive", "offline", "connecting"):
            count = sum(one == status for one in self.statuses.values())
            metrics.CAMERAS.labels(status).set(count)

    async def watch_index(self) -> None:
        """Tell of an index that has begun or ended since the last look."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
        now = datetime.now(UTC)
        span = calendar.index_at(now)
        number = span.number if span is not None else None
        async with self._pool.connection() as connection:
            if not await silence.has_turned(connection, "index", number or _NOTHING):
                return
        await self._events.index(_transition(calendar, now))


def _transition(calendar: Calendar, now: datetime) -> dict[str, Any]:
    span = calendar.index_at(now)
    before = calendar.index_at((span.start if span else now) - timedelta(seconds=1))
    return {
        "old_index": before.number if before is not None else None,
        "new_index": span.number if span is not None else None,
        "data": {
            "scheduled_start": utc(span.start) if span is not None else None,
            "scheduled_end": utc(span.end) if span is not None else None,
            "indices_remaining": calendar.total_indices - span.number + 1 if span else 0,
        },
    }


def _message(today: Today) -> dict[str, Any]:
    return {
        "current_index": today.current_index,
        "active_workers": today.active_workers,
        "overall_productivity": today.overall_productivity,
        "total_active_seconds": today.total_active_seconds,
        "total_idle_seconds": today.total_idle_seconds,
        "unseen_seconds": today.unseen_seconds,
        "zones": [
            {
                "zone_id": zone.zone_id,
                "workers_count": zone.workers_count,
                "productivity": zone.productivity,
                "status": zone.status,
            }
            for zone in today.zones
        ],
    }
