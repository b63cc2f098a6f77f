"""Notices what no frame says: cameras that fell silent, hours that were worse than usual."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from common.pool import Connection, Pool
from tracking.events import utc
from tracking.floor.calendar import Calendar
from tracking.floor.drops import Drop, drop_of
from tracking.floor.following import Memory, give_up
from tracking.floor.timeline import changed
from tracking.repository import alarms, intake, silence
from tracking.repository.alarms import Finding
from tracking.repository.intake import moment
from tracking.schemas.rules import DropRule
from tracking.service.plans import Plan, Plans
from tracking.service.telling import Happened, Teller
from tracking.service.wording import duration

_HOUR: Final = timedelta(hours=1)
_MOST_HOURS: Final = 48
_WEEKS: Final = 8
# Less than this seen in an hour says nothing of it.
_LEAST_SEEN_S: Final = 300.0


class Vigilance:
    """Any replica may do it: each row changes once."""

    def __init__(self, pool: Pool, plans: Plans, teller: Teller) -> None:
        self._pool = pool
        self._plans = plans
        self._teller = teller

    async def sweep(self) -> None:
        """Mark silent cameras, and end the stays of those that are lost."""
        raised: list[dict[str, Any]] = []
        async with self._pool.transaction() as connection:
            plan = await self._plans.newest(connection)
            rule = plan.rules.rules.camera_offline
            for row in await silence.silent(connection, after_s=rule.seconds):
                if row["clock_s"] is not None:
                    await silence.darken(connection, row["camera_id"], moment(row["clock_s"]))
                if rule.enabled:
                    raised.append(await alarms.raised(connection, _offline(row, rule.severity)))
            timeout_s = plan.rules.session_timeout_seconds
            lost = await silence.lost(connection, after_s=timeout_s)
        await self._teller.alerts(raised)
        for camera_id in lost:
            await self._give_up(camera_id)

    async def _give_up(self, camera_id: str) -> None:
        async with self._pool.transaction() as connection:
            row = await intake.locked(connection, camera_id)
            if row is None or row.state is None or (row.active and not row.is_offline):
                return
            plan = await self._plans.at(connection, row.revision)
            before = Memory.from_text(row.state)
            outcome = give_up(before, plan.outlook(camera_id))
            ended = changed(before.state, outcome.memory.state, outcome.events)
            places = plan.places_of(ended)
            kept = intake.Kept(row.clock_s, outcome.memory.as_text(), ended, places)
            await intake.save(connection, camera_id, kept, is_heard=False)
            await silence.close_dark(connection, list(ended))
            # Of a camera in use, that it is offline remains to be told.
            alerts = await alarms.all_ended(connection, camera_id, with_offline=not row.active)
        await self._teller.tell(Happened(plan, outcome.memory, outcome.events, alerts))

    async def judge(self) -> bool:
        """Judge the newest hours of one camera's zones; False when none is to be judged."""
        async with self._pool.transaction() as connection:
            plan = await self._plans.newest(connection)
            row = await silence.unjudged(connection)
            if row is None:
                return False
            newest = moment(row["clock_s"])
            until = newest.replace(minute=0, second=0, microsecond=0)
            first = max(row["judged_until"] or until - _HOUR, until - _MOST_HOURS * _HOUR)
            rows: list[dict[str, Any] | None] = []
            rule = plan.rules.rules.productivity_drop
            if rule.enabled:
                for zone_id in plan.outlook(row["camera_id"]).limits:
                    hours = [first + n * _HOUR for n in range(int((until - first) / _HOUR))]
                    rows += await _judged(connection, plan, (row["camera_id"], zone_id), hours)
            await silence.judged(connection, row["camera_id"], until)
        await self._teller.alerts(one for one in rows if one is not None)
        return True

    async def judge_all(self) -> None:
        """Judge whatever is to be judged."""
        while await self.judge():
            continue

    async def prune(self, older_than_s: float) -> None:
        """Forget frames that nothing needs any more."""
        async with self._pool.connection() as connection:
            await intake.prune(connection, older_than_s=older_than_s)


def _offline(row: dict[str, Any], severity: str) -> Finding:
    camera_id, heard_at = row["camera_id"], row["heard_at"]
    silent_s = (datetime.now(UTC) - heard_at).total_seconds()
    return Finding(
        cause=f"camera_offline:{camera_id}",
        kind="camera_offline",
        severity=severity,
        message=f"Camera {camera_id} sends no frames for {duration(silent_s)} "
        f"(the last at {utc(heard_at)})",
        at=datetime.now(UTC),
        camera_id=camera_id,
    )


async def _judged(
    connection: Connection, plan: Plan, where: tuple[str, str], hours: Sequence[datetime]
) -> list[dict[str, Any] | None]:
    rows: list[dict[str, Any] | None] = []
    camera_id, zone_id = where
    for hour in hours:
        spans = [(hour, hour + _HOUR), *_same_hours(hour, plan.calendar)]
        found = await silence.hours(connection, zone_id, spans)
        rates = {
            start: active_s / (active_s + idle_s)
            for start, (active_s, idle_s) in found.items()
            if active_s + idle_s >= _LEAST_SEEN_S
        }
        if hour not in rates:
            continue
        drop = drop_of(rates.pop(hour), list(rates.values()))
        cause = f"productivity_drop:{zone_id}"
        rule = plan.rules.rules.productivity_drop
        if drop is not None and drop.z_score <= -rule.z_score:
            finding = _dropped(drop, rule, zone_id, hour + _HOUR, camera_id=camera_id)
            rows.append(await alarms.raised(connection, finding))
        elif drop is not None and drop.z_score > -rule.z_score / 2:
            rows.append(await alarms.ended(connection, cause, hour + _HOUR))
    return rows


def _same_hours(hour: datetime, calendar: Calendar) -> list[tuple[datetime, datetime]]:
    """The same hour of the same weekday in the weeks before, on the factory's clock."""
    local = hour.astimezone(calendar.zone)
    spans = []
    for week in range(1, _WEEKS + 1):
        start = (local - timedelta(weeks=week)).astimezone(UTC)
        spans.append((start, start + _HOUR))
    return spans


def _dropped(drop: Drop, rule: DropRule, zone_id: str, at: datetime, *, camera_id: str) -> Finding:
    return Finding(
        cause=f"productivity_drop:{zone_id}",
        kind="productivity_drop",
        severity=rule.severity,
        message=f"Zone {zone_id} worked at {drop.value:.0%}, usually at {drop.usual:.0%} "
        f"in this hour (z = {drop.z_score:.1f})",
        at=at,
        camera_id=camera_id,
        zone_id=zone_id,
    )
