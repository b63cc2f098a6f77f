"""The dashboard and the statistics of a machine (contract, chapter 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from common.db import Database
from common.errors import ValidationFailed
from orchestrator.models import Machine
from orchestrator.repository import machines, statistics
from orchestrator.schemas.machines import MachineStatistics, StatisticsBucket
from orchestrator.schemas.queue import Dashboard, Throughput
from orchestrator.service.ownership import MachineGone

Period = Literal["hour", "day", "week", "month"]
_LENGTHS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
_BUCKETS_S: Final = {"hour": 300, "day": 3600, "week": 86_400, "month": 86_400}
_LADDER_S: Final = (60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000)
_MOST_BUCKETS: Final = 100
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Span:
    """The time that statistics are made over, and the width of their buckets."""

    period: Period | None
    start: datetime
    end: datetime
    bucket_s: int


def span_of(
    period: Period | None, start: datetime | None, end: datetime | None, *, now: datetime
) -> Span:
    """The span that was asked for; the last day when nothing was.

    Raises:
        ValidationFailed: it ends before it starts, or is longer than ten years.
    """
    if start is None and end is None:
        chosen = period or "day"
        return Span(chosen, now - _LENGTHS[chosen], now, _BUCKETS_S[chosen])
    end = _aware(end) if end is not None else now
    start = _aware(start) if start is not None else end - _LENGTHS[period or "day"]
    if start < _EARLIEST:
        text = f"must not be before {_EARLIEST:%Y-%m-%d}"
        raise ValidationFailed(fields={"start_date": [text]}, in_body=False)
    if start >= end:
        text = "must be earlier than end_date"
        raise ValidationFailed(fields={"start_date": [text]}, in_body=False)
    if end - start > _LONGEST:
        text = "is more than ten years before end_date"
        raise ValidationFailed(fields={"start_date": [text]}, in_body=False)
    seconds = (end - start).total_seconds()
    bucket_s = next(s for s in _LADDER_S if seconds / s <= _MOST_BUCKETS)
    return Span(period, start, end, bucket_s)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class FigureService:
    """Counts and means over many inspections."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def dashboard(self) -> Dashboard:
        """The floor at a glance."""
        async with self._database.transaction() as session:
            states = await statistics.inspections_by_status(session)
            fleet = await statistics.machines_by_status(session)
            done = await statistics.performance(session)
        total, online = sum(fleet.values()), fleet.get("online", 0) + fleet.get("busy", 0)
        return Dashboard(
            total_machines=total,
            online_machines=online,
            total_inspections=sum(states.values()),
            pending_inspections=states.get("pending", 0),
            assigned_inspections=states.get("assigned", 0),
            processing_inspections=states.get("processing", 0),
            completed_inspections=states.get("completed", 0),
            failed_inspections=states.get("failed", 0),
            cancelled_inspections=states.get("cancelled", 0),
            system_health=_health(total, online, has_errors=fleet.get("error", 0) > 0),
            performance_metrics=Throughput(
                average_processing_time=done["mean_s"],
                throughput_per_hour=float(done["completed_last_hour"]),
                success_rate=_success_rate(done),
            ),
        )

    async def statistics(
        self,
        machine_id: str,
        *,
        period: Period | None,
        start: datetime | None,
        end: datetime | None,
    ) -> MachineStatistics:
        """What one machine did over a period, as a whole and by time bucket.

        Raises:
            MachineGone: there is no such machine.
            ValidationFailed: the period is none.
        """
        async with self._database.transaction() as session:
            machine = await machines.get(session, machine_id)
            if machine is None:
                raise MachineGone()
            now = await statistics.database_now(session)
            span = span_of(period, start, end, now=now)
            rows = await statistics.breakdown(
                session, machine_id, start=span.start, end=span.end, bucket_s=span.bucket_s
            )
            running = await statistics.inspections_by_status(session, machine_id=machine_id)
        return _statistics(machine, span, rows, running=running, now=now)


def _statistics(
    machine: Machine,
    span: Span,
    rows: Sequence[Any],
    *,
    running: dict[str, int],
    now: datetime,
) -> MachineStatistics:
    whole = rows[0]
    slots = machine.max_concurrent_inspections
    return MachineStatistics(
        machine_id=machine.id,
        period=span.period,
        start_date=span.start,
        end_date=span.end,
        total_inspections=whole["total"],
        assigned_inspections=running.get("assigned", 0),
        processing_inspections=running.get("processing", 0),
        completed_inspections=whole["completed"],
        failed_inspections=whole["failed"],
        cancelled_inspections=whole["cancelled"],
        lost_leases=whole["lost"],
        success_rate=_success_rate(whole),
        average_processing_time=whole["mean_s"],
        p95_processing_time=whole["p95_s"],
        utilisation=_utilisation(whole["busy_s"], span.start, span.end, slots=slots, now=now),
        bucket_seconds=span.bucket_s,
        breakdown=_breakdown(rows[1:], span, slots=slots, now=now),
    )


def _breakdown(
    rows: Sequence[Any], span: Span, *, slots: int, now: datetime
) -> list[StatisticsBucket]:
    """Every bucket of the span, those without an inspection too: a chart needs no gaps filled."""
    found = {row["bucket"]: row for row in rows}
    buckets = []
    start, width = span.start, timedelta(seconds=span.bucket_s)
    while start < span.end:
        row = found.get(start, {})
        end = min(start + width, span.end)
        buckets.append(
            StatisticsBucket(
                start=start,
                total=row.get("total") or 0,
                completed=row.get("completed") or 0,
                failed=row.get("failed") or 0,
                cancelled=row.get("cancelled") or 0,
                lost=row.get("lost") or 0,
                success_rate=_success_rate(row),
                average_processing_time=row.get("mean_s"),
                p95_processing_time=row.get("p95_s"),
                utilisation=_utilisation(row.get("busy_s"), start, end, slots=slots, now=now),
            )
        )
        start += width
    return buckets


def _success_rate(row: Any) -> float | None:
    completed, failed = row.get("completed") or 0, row.get("failed") or 0
    return round(100.0 * completed / (completed + failed), 2) if completed + failed else None


def _utilisation(
    busy_s: float | None, start: datetime, end: datetime, *, slots: int, now: datetime
) -> float:
    """Percent of the slots' time that was leased out; time that is still to come does not count."""
    lived_s = (min(end, now) - start).total_seconds()
    if lived_s <= 0 or not busy_s:
        return 0.0
    return round(min(100.0, 100.0 * busy_s / (lived_s * slots)), 2)


def _health(
    total: int, online: int, *, has_errors: bool
) -> Literal["good", "degraded", "critical"]:
    if total and not online:
        return "critical"
    return "degraded" if has_errors or online < total else "good"
