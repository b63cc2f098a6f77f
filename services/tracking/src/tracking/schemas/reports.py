"""The daily report on the wire (contract, `tracking.md` and chapter 6)."""

from datetime import date, datetime
from typing import Literal

from tracking.schemas.alerts import AnomalyView
from tracking.schemas.metrics import HourFigures
from tracking.schemas.wire import Wire


class Summary(Wire):
    """The day in a few figures; `coverage` is the share of people's time that was seen."""

    total_indices: int
    completed_indices: int
    total_workers: int
    total_sessions: int
    total_active_hours: float
    total_idle_hours: float
    total_unseen_hours: float
    coverage: float | None
    overall_productivity: float | None
    anomalies_count: int
    alerts_count: int


class ZoneDay(Wire):
    """A zone's day."""

    zone_id: str
    zone_name: str
    workers: int
    sessions: int
    active_hours: float
    idle_hours: float
    unseen_hours: float
    productivity: float | None


class WorkerDay(Wire):
    """A worker's day."""

    worker_id: str
    worker_name: str
    sessions: int
    active_hours: float
    idle_hours: float
    productivity: float | None


class ShiftDay(Wire):
    """A shift that began on the day."""

    shift: str
    start: datetime
    end: datetime
    workers: int
    active_hours: float
    idle_hours: float
    unseen_hours: float
    productivity: float | None


class DailyReport(Wire):
    """A day of the factory's calendar, from midnight to midnight."""

    report_type: Literal["daily"] = "daily"
    date: date
    timezone: str
    generated_at: datetime
    summary: Summary
    hours: list[HourFigures]
    shifts: list[ShiftDay]
    zones: list[ZoneDay]
    top_performers: list[WorkerDay]
    issues: list[AnomalyView]
