"""Metrics: today, a zone, a worker, on the factory's own calendar."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from tracking.floor.alarms import Limits, occupancy_status
from tracking.floor.calendar import Calendar
from tracking.models import Zone
from tracking.repository import figures, zones
from tracking.repository.figures import Scope, Sums
from tracking.schemas.metrics import (
    DayFigures,
    HourFigures,
    Period,
    Today,
    WorkerMetrics,
    ZoneMetrics,
    ZoneToday,
)
from tracking.service.people import known as known_worker
from tracking.service.places import known as known_zone
from tracking.service.rulebook import RulebookService

DAYS_OF: Final[dict[Period, int]] = {"today": 1, "week": 7, "month": 30}
_HOUR: Final = timedelta(hours=1)


class ReckoningService:
    """What the floor's figures are."""

    def __init__(self, database: Database, rules: RulebookService) -> None:
        self._database = database
        self._rules = rules

    async def today(self, day: date | None = None) -> Today:
        """Today's summary, or another day's."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
            return await day_summary(session, calendar, day)

    async def zone(self, zone_id: str, period: Period, day: date | None = None) -> ZoneMetrics:
        """A zone over a period that ends with this day, today by default.

        Raises:
            ZoneGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            zone = await known_zone(session, zone_id)
            calendar = await self._rules.calendar(session)
            first, last = span_of(period, day or calendar.day_of(datetime.now(UTC)))
            scope = scope_of(calendar, first, last, zone_id=zone_id)
            sums = await figures.total(session, scope)
            peak = await figures.peak(session, scope)
            hours = await hourly(session, scope)
            days = await daily(session, calendar, scope)
        whole_s = sums.active_s + sums.idle_s + sums.unseen_s
        return ZoneMetrics(
            zone_id=zone_id,
            zone_name=zone.name,
            period=period,
            start_time=scope.start,
            end_time=scope.end,
            total_workers=sums.people,
            unique_workers=sums.workers,
            total_sessions=sums.sessions,
            total_active_seconds=round(sums.active_s, 3),
            total_idle_seconds=round(sums.idle_s, 3),
            unseen_seconds=round(sums.unseen_s, 3),
            productivity=sums.productivity,
            avg_session_duration=round(whole_s / sums.sessions, 3) if sums.sessions else None,
            peak_occupancy=peak,
            hourly_breakdown=hour_views(hours, calendar),
            daily_breakdown=days,
        )

    async def worker(
        self, worker_id: str, period: Period, day: date | None = None
    ) -> WorkerMetrics:
        """A worker over a period that ends with this day, today by default.

        Raises:
            WorkerGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            worker = await known_worker(session, worker_id)
            calendar = await self._rules.calendar(session)
            first, last = span_of(period, day or calendar.day_of(datetime.now(UTC)))
            scope = scope_of(calendar, first, last, worker_id=worker_id)
            sums = await figures.total(session, scope)
            by_zone = await figures.by_zone(session, scope)
            days = await daily(session, calendar, scope)
        return WorkerMetrics(
            worker_id=worker_id,
            worker_name=worker.name,
            period=period,
            start_date=first,
            end_date=last,
            total_days_worked=len(days),
            total_sessions=sums.sessions,
            total_active_hours=hours_of(sums.active_s),
            total_idle_hours=hours_of(sums.idle_s),
            unseen_seconds=round(sums.unseen_s, 3),
            productivity=sums.productivity,
            zones_worked=sorted(by_zone),
            daily_breakdown=days,
        )


async def day_summary(session: AsyncSession, calendar: Calendar, day: date | None) -> Today:
    """One day's summary; presence and the index are those of now."""
    now = datetime.now(UTC)
    chosen = day or calendar.day_of(now)
    scope = scope_of(calendar, chosen, chosen)
    index = calendar.index_at(now)
    sums = await figures.total(session, scope)
    by_zone = await figures.by_zone(session, scope)
    present = await figures.present(session)
    registered, working = await figures.workers(session)
    anomalies, alerts = await figures.raised(session, *calendar.bounds(chosen, chosen))
    found = await zones.listed(session, active=True)
    return Today(
        date=chosen,
        current_index=index.number if index is not None else None,
        total_indices=calendar.total_indices,
        total_workers=registered,
        active_workers=working,
        total_active_seconds=round(sums.active_s, 3),
        total_idle_seconds=round(sums.idle_s, 3),
        unseen_seconds=round(sums.unseen_s, 3),
        overall_productivity=sums.productivity,
        zones=[
            _zone_today(zone, by_zone.get(zone.zone_id, Sums()), present.get(zone.zone_id, 0))
            for zone in found
        ],
        anomalies_count=anomalies,
        alerts_count=alerts,
    )


def _zone_today(zone: Zone, sums: Sums, count: int) -> ZoneToday:
    return ZoneToday(
        zone_id=zone.zone_id,
        zone_name=zone.name,
        workers_count=count,
        productivity=sums.productivity,
        active_seconds=round(sums.active_s, 3),
        idle_seconds=round(sums.idle_s, 3),
        unseen_seconds=round(sums.unseen_s, 3),
        status=occupancy_status(count, Limits(zone.min_workers, zone.max_workers)),
    )


def span_of(period: Period, last: date) -> tuple[date, date]:
    """The first and the last day of a period."""
    return last - timedelta(days=DAYS_OF[period] - 1), last


def scope_of(
    calendar: Calendar,
    first: date,
    last: date,
    *,
    zone_id: str | None = None,
    worker_id: str | None = None,
) -> Scope:
    """From the first day's midnight to the last one's end, or to now when that is earlier."""
    start, end = calendar.bounds(first, last)
    now = datetime.now(UTC)
    return Scope(start, min(end, now) if now > start else end, zone_id, worker_id)


async def hourly(session: AsyncSession, scope: Scope) -> list[tuple[datetime, Sums]]:
    """The hours of a scope in which anything was, and when each began."""
    count = -(-int((scope.end - scope.start).total_seconds()) // 3600)
    starts = [scope.start + number * _HOUR for number in range(count)]
    buckets = [(start, start + _HOUR) for start in starts]
    found = await figures.in_buckets(session, scope, buckets)
    return [(starts[number], sums) for number, sums in sorted(found.items())]


async def daily(session: AsyncSession, calendar: Calendar, scope: Scope) -> list[DayFigures]:
    """The days of a scope on which anything was, newest first."""
    first, last = calendar.day_of(scope.start), calendar.day_of(scope.end - timedelta(seconds=1))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    buckets = [calendar.bounds(day, day) for day in days]
    found = await figures.in_buckets(session, scope, buckets)
    return [day_view(days[number], sums) for number, sums in sorted(found.items(), reverse=True)]


def hour_views(hours: Sequence[tuple[datetime, Sums]], calendar: Calendar) -> list[HourFigures]:
    """Hours as the document writes them, on the factory's clock."""
    return [
        HourFigures(
            hour=start.astimezone(calendar.zone).strftime("%H:%M"),
            start=start,
            workers=sums.people,
            active_seconds=round(sums.active_s, 3),
            idle_seconds=round(sums.idle_s, 3),
            unseen_seconds=round(sums.unseen_s, 3),
            productivity=sums.productivity,
        )
        for start, sums in hours
    ]


def day_view(day: date, sums: Sums) -> DayFigures:
    """A day as the document writes it."""
    return DayFigures(
        date=day,
        sessions=sums.sessions,
        active_hours=hours_of(sums.active_s),
        idle_hours=hours_of(sums.idle_s),
        unseen_hours=hours_of(sums.unseen_s),
        productivity=sums.productivity,
    )


def hours_of(seconds: float) -> float:
    """Seconds as hours, to the nearest four seconds."""
    return round(seconds / 3600, 3)
