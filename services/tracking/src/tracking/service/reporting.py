"""The daily report: reckoned, written as CSV line by line, laid out as PDF."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from tracking.floor.calendar import Calendar
from tracking.paper.words import Language
from tracking.repository import alerts, figures, sessions, workers, zones
from tracking.repository.figures import Scope, Sums
from tracking.schemas.reports import DailyReport, ShiftDay, Summary, WorkerDay, ZoneDay
from tracking.service.attention import anomaly_view
from tracking.service.reckoning import hour_views, hourly, hours_of, scope_of
from tracking.service.rulebook import RulebookService
from tracking.service.stays import view_of

_TOP: Final = 5
_MOST_ISSUES: Final = 100
_PAGE: Final = 500
_COLUMNS: Final = (
    "session_id", "worker_id", "worker_name", "zone_id", "zone_name", "camera_id", "shift",
    "index_number", "entry_time", "exit_time", "state", "duration_seconds", "total_active_seconds",
    "total_idle_seconds", "unseen_seconds", "productivity",
)  # fmt: skip
# A spreadsheet takes a text that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class ReportingService:
    """Reports of a day."""

    def __init__(self, database: Database, rules: RulebookService) -> None:
        self._database = database
        self._rules = rules
        # ReportLab keeps fonts for the whole process: one report is laid out at a time.
        self._press = asyncio.Lock()

    async def daily(self, day: date | None) -> DailyReport:
        """The report of a day, today's so far by default."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
            chosen = day or calendar.day_of(datetime.now(UTC))
            return await _report(session, calendar, chosen)

    async def pdf(self, day: date | None, language: Language) -> tuple[date, bytes]:
        """The report as PDF, and of which day it is."""
        report = await self.daily(day)
        async with self._press:
            return report.date, await asyncio.to_thread(_printed, report, language)

    async def day_of(self, day: date | None) -> date:
        """This day, or today on the factory's calendar."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
        return day or calendar.day_of(datetime.now(UTC))

    async def csv(self, day: date) -> AsyncIterator[str]:
        """The day's sessions as CSV, page by page, so that it never lies in memory whole."""
        async with self._database.transaction() as session:
            calendar = await self._rules.calendar(session)
        start, end = calendar.bounds(day, day)
        wanted = sessions.Wanted(start=start, end=end)
        yield _lines([_COLUMNS])
        offset = 0
        while True:
            async with self._database.transaction() as session:
                found, _ = await sessions.page(session, wanted, limit=_PAGE, offset=offset)
            if found:
                views = [view_of(one).model_dump(mode="json") for one in found]
                yield _lines([[_cell(view[name]) for name in _COLUMNS] for view in views])
            if len(found) < _PAGE:
                return
            offset += _PAGE


def _printed(report: DailyReport, language: Language) -> bytes:
    """In a thread. ReportLab takes a quarter of the service's start to import: not before then."""
    from tracking.paper.page import write_pdf

    return write_pdf(report, language)


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_formula else value


async def _report(session: AsyncSession, calendar: Calendar, day: date) -> DailyReport:
    scope = scope_of(calendar, day, day)
    bounds = calendar.bounds(day, day)
    span = alerts.anomaly_filters(span=bounds)
    found, anomalies = await alerts.anomaly_page(session, span, limit=_MOST_ISSUES, offset=0)
    _, alert_count = await figures.raised(session, *bounds)
    sums = await figures.total(session, scope)
    return DailyReport(
        date=day,
        timezone=str(calendar.zone),
        generated_at=datetime.now(UTC),
        summary=_summary(calendar, day, sums, (anomalies, alert_count)),
        hours=hour_views(await hourly(session, scope), calendar),
        shifts=await _shifts(session, calendar, scope, day),
        zones=await _zones(session, scope),
        top_performers=await _performers(session, scope),
        issues=[anomaly_view(one) for one in found],
    )


def _summary(calendar: Calendar, day: date, sums: Sums, raised: tuple[int, int]) -> Summary:
    now = datetime.now(UTC)
    seen_s = sums.active_s + sums.idle_s
    whole_s = seen_s + sums.unseen_s
    return Summary(
        total_indices=calendar.total_indices,
        completed_indices=sum(span.end <= now for span in calendar.indices(day)),
        total_workers=sums.workers,
        total_sessions=sums.sessions,
        total_active_hours=hours_of(sums.active_s),
        total_idle_hours=hours_of(sums.idle_s),
        total_unseen_hours=hours_of(sums.unseen_s),
        coverage=round(seen_s / whole_s, 3) if whole_s > 0 else None,
        overall_productivity=sums.productivity,
        anomalies_count=raised[0],
        alerts_count=raised[1],
    )


async def _zones(session: AsyncSession, scope: Scope) -> list[ZoneDay]:
    sums = await figures.by_zone(session, scope)
    found = await zones.listed(session)
    return [
        ZoneDay(
            zone_id=zone.zone_id,
            zone_name=zone.name,
            workers=one.people,
            sessions=one.sessions,
            active_hours=hours_of(one.active_s),
            idle_hours=hours_of(one.idle_s),
            unseen_hours=hours_of(one.unseen_s),
            productivity=one.productivity,
        )
        for zone in found
        if (one := sums.get(zone.zone_id, Sums())).sessions or zone.active
    ]


async def _performers(session: AsyncSession, scope: Scope) -> list[WorkerDay]:
    sums = await figures.by_worker(session, scope)
    names = await workers.names(session)
    best = sorted(sums.items(), key=lambda item: (-item[1].active_s, item[0]))[:_TOP]
    return [
        WorkerDay(
            worker_id=worker_id,
            worker_name=names.get(worker_id, worker_id),
            sessions=one.sessions,
            active_hours=hours_of(one.active_s),
            idle_hours=hours_of(one.idle_s),
            productivity=one.productivity,
        )
        for worker_id, one in best
    ]


async def _shifts(
    session: AsyncSession, calendar: Calendar, scope: Scope, day: date
) -> list[ShiftDay]:
    """Shifts that began on the day; one over midnight is counted whole."""
    spans = calendar.shifts_of(day)
    if not spans:
        return []
    whole = Scope(scope.start, scope.end + timedelta(days=1))
    found = await figures.in_buckets(session, whole, [(start, end) for _, start, end in spans])
    return [
        ShiftDay(
            shift=name,
            start=start,
            end=end,
            workers=(one := found.get(number, Sums())).people,
            active_hours=hours_of(one.active_s),
            idle_hours=hours_of(one.idle_s),
            unseen_hours=hours_of(one.unseen_s),
            productivity=one.productivity,
        )
        for number, (name, start, end) in enumerate(spans)
    ]
