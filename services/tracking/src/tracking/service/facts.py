"""Gathers the facts of a question by fixed, parameterised queries; no word of it becomes SQL."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from tracking.asking.answers import Facts
from tracking.asking.findings import figures_of
from tracking.asking.questions import Question
from tracking.floor.alarms import Limits, occupancy_status
from tracking.floor.calendar import Calendar
from tracking.models import Zone
from tracking.repository import alerts, cameras, figures, sessions, workers, zones
from tracking.repository.figures import Scope, Sums
from tracking.service.lenses import status_of
from tracking.service.reckoning import scope_of
from tracking.service.stays import view_of

_WEEKS: Final = 4
_LISTED: Final = 5
_MOST_PEOPLE: Final = 50
Gather = Callable[[AsyncSession, Calendar, Question], Awaitable[dict[str, Any]]]


async def gathered(session: AsyncSession, calendar: Calendar, question: Question) -> Facts:
    """What the database says to a question."""
    facts = Facts()
    if question.unknown_id is not None:
        facts.sql["known_ids"] = await _known(session)
        return facts
    for name, gather in _QUERIES[question.intent].items():
        found = await gather(session, calendar, question)
        if found:
            facts.sql[name] = found
    return facts


async def _known(session: AsyncSession) -> dict[str, Any]:
    found = await zones.listed(session, active=True)
    names = await workers.names(session)
    return {
        "zones": [zone.zone_id for zone in found][:_MOST_PEOPLE],
        "workers": sorted(names)[:_MOST_PEOPLE],
    }


def _scope(calendar: Calendar, question: Question, *, weeks_before: int = 0) -> Scope:
    shift = timedelta(weeks=weeks_before)
    return scope_of(
        calendar,
        question.period.first - shift,
        question.period.last - shift,
        zone_id=question.zone_id,
        worker_id=question.worker_id,
    )


async def _period(session: AsyncSession, calendar: Calendar, question: Question) -> dict[str, Any]:
    scope = _scope(calendar, question)
    sums = await figures.total(session, scope)
    return {
        "zone_id": question.zone_id,
        "worker_id": question.worker_id,
        "start_date": question.period.first.isoformat(),
        "end_date": question.period.last.isoformat(),
        **_shown(sums),
    }


def _shown(sums: Sums) -> dict[str, Any]:
    return figures_of(
        sums.active_s, sums.idle_s, sums.unseen_s, sessions=sums.sessions, people=sums.people
    )


async def _usual(session: AsyncSession, calendar: Calendar, question: Question) -> dict[str, Any]:
    """The same weekdays of the weeks before; of a day that is not over, up to the same hour."""
    now = _scope(calendar, question)
    days, weeks = list[date](), list[dict[str, Any]]()
    for week in range(1, _WEEKS + 1):
        scope = _scope(calendar, question, weeks_before=week)
        scope = Scope(
            scope.start, scope.start + (now.end - now.start), scope.zone_id, scope.worker_id
        )
        shown = _shown(await figures.total(session, scope))
        if shown["productivity"] is not None:
            weeks.append(shown)
            days.append(question.period.first - timedelta(weeks=week))
    if not weeks:
        return {}
    middle = {
        name: round(median(week[name] for week in weeks), 3 if name == "productivity" else 1)
        for name in ("productivity", "productivity_percent", "idle_minutes", "active_hours")
    }
    people = int(median(week["people"] for week in weeks))
    return {"weeks": len(weeks), "from": [str(day) for day in days], **middle, "people": people}


async def _anomalies(
    session: AsyncSession, calendar: Calendar, question: Question
) -> dict[str, Any]:
    span = calendar.bounds(question.period.first, question.period.last)
    where = alerts.anomaly_filters(
        zone_id=question.zone_id, worker_id=question.worker_id, span=span
    )
    found, count = await alerts.anomaly_page(session, where, limit=_LISTED, offset=0)
    listed = [
        {
            "anomaly_id": one.anomaly_id,
            "anomaly_type": one.anomaly_type,
            "time": one.timestamp.astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M"),
            "description": one.description,
            "root_cause": one.root_cause,
        }
        for one in found
    ]
    return {"count": count, "listed": listed}


async def _counts(session: AsyncSession, calendar: Calendar, question: Question) -> dict[str, Any]:
    span = calendar.bounds(question.period.first, question.period.last)
    here: dict[str, Any] = {"zone_id": question.zone_id, "worker_id": question.worker_id}
    _, raised = await alerts.alert_page(
        session, alerts.alert_filters(span=span, **here), limit=1, offset=0
    )
    _, still_open = await alerts.alert_page(
        session, alerts.alert_filters(span=span, resolved=False, **here), limit=1, offset=0
    )
    _, anomalies = await alerts.anomaly_page(
        session, alerts.anomaly_filters(span=span, **here), limit=1, offset=0
    )
    return {"alerts": raised, "open": still_open, "anomalies": anomalies}


async def _occupancy(
    session: AsyncSession, calendar: Calendar, question: Question
) -> dict[str, Any]:
    found = await zones.listed(session, active=True)
    chosen = [zone for zone in found if question.zone_id in (None, zone.zone_id)]
    return {"zones": [await _present(session, zone) for zone in chosen]}


async def _present(session: AsyncSession, zone: Zone) -> dict[str, Any]:
    wanted = sessions.Wanted(zone_id=zone.zone_id, is_open=True)
    found, count = await sessions.page(session, wanted, limit=_MOST_PEOPLE, offset=0)
    views = [view_of(one) for one in found]
    return {
        "zone": f"{zone.name} ({zone.zone_id})",
        "count": count,
        "status": occupancy_status(count, Limits(zone.min_workers, zone.max_workers)),
        "people": [
            {
                "id": view.worker_id,
                "name": view.worker_name or view.worker_id,
                "state": view.state,
                "minutes": round(view.duration_seconds / 60, 1),
            }
            for view in views
        ],
    }


async def _ranking(session: AsyncSession, calendar: Calendar, question: Question) -> dict[str, Any]:
    scope = _scope(calendar, question)
    is_zones = any(word in question.text.lower() for word in ("zone", "zona", "พื้นที่", "โซน"))
    if is_zones:
        sums = await figures.by_zone(session, scope)
        names: Mapping[str, str] = {zone.zone_id: zone.name for zone in await zones.listed(session)}
    else:
        sums, names = await figures.by_worker(session, scope), await workers.names(session)
    rows = [
        {"id": key, "name": names.get(key, key), **_shown(one)}
        for key, one in sums.items()
        if one.productivity is not None
    ]
    rows.sort(key=lambda row: (-row["productivity"], -row["active_seconds"], row["id"]))
    placed = [{"place": place, **row} for place, row in enumerate(rows[:_LISTED], 1)]
    return {"of": "zones" if is_zones else "workers", "rows": placed}


async def _cameras(session: AsyncSession, calendar: Calendar, question: Question) -> dict[str, Any]:
    found = await cameras.listed(session)
    shown = [
        {"id": one.camera_id, "status": status_of(one, state, stream)}
        for one, state, stream in found
        if one.active
    ]
    active = sum(one["status"] == "active" for one in shown)
    return {"total": len(shown), "active": active, "cameras": shown}


_PERFORMANCE: Final[dict[str, Gather]] = {
    "period_stats": _period,
    "usual_stats": _usual,
    "anomalies": _anomalies,
}
_QUERIES: Final[dict[str, dict[str, Gather]]] = {
    "performance": _PERFORMANCE,
    "idle": _PERFORMANCE,
    "summary": _PERFORMANCE,
    "presence": {"occupancy_now": _occupancy},
    "alerts": {"alert_counts": _counts, "anomalies": _anomalies},
    "ranking": {"ranking": _ranking},
    "cameras": {"camera_states": _cameras, "period_stats": _period},
}


def similar_before(calendar: Calendar, question: Question) -> datetime:
    """Past anomalies are those before the period."""
    return min(calendar.start_of(question.period.first), datetime.now(UTC))
