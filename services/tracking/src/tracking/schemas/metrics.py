"""Metrics on the wire (contract, `tracking.md` and chapter 6)."""

from datetime import date, datetime
from typing import Literal

from tracking.schemas.wire import Wire

Period = Literal["today", "week", "month"]


class ZoneToday(Wire):
    """A zone in today's summary."""

    zone_id: str
    zone_name: str
    workers_count: int
    productivity: float | None
    active_seconds: float
    idle_seconds: float
    unseen_seconds: float
    status: str


class Today(Wire):
    """Today's summary; `unseen_seconds` says how much nobody saw."""

    date: date
    current_index: int | None
    total_indices: int
    total_workers: int
    active_workers: int
    total_active_seconds: float
    total_idle_seconds: float
    unseen_seconds: float
    overall_productivity: float | None
    zones: list[ZoneToday]
    anomalies_count: int
    alerts_count: int


class HourFigures(Wire):
    """One hour of the factory's day."""

    hour: str
    start: datetime
    workers: int
    active_seconds: float
    idle_seconds: float
    unseen_seconds: float
    productivity: float | None


class DayFigures(Wire):
    """One day of the factory's calendar."""

    date: date
    sessions: int
    active_hours: float
    idle_hours: float
    unseen_hours: float
    productivity: float | None


class ZoneMetrics(Wire):
    """A zone over a period."""

    zone_id: str
    zone_name: str
    period: Period
    start_time: datetime
    end_time: datetime
    total_workers: int
    unique_workers: int
    total_sessions: int
    total_active_seconds: float
    total_idle_seconds: float
    unseen_seconds: float
    productivity: float | None
    avg_session_duration: float | None
    peak_occupancy: int
    hourly_breakdown: list[HourFigures]
    daily_breakdown: list[DayFigures]


class WorkerMetrics(Wire):
    """A worker over a period."""

    worker_id: str
    worker_name: str
    period: Period
    start_date: date
    end_date: date
    total_days_worked: int
    total_sessions: int
    total_active_hours: float
    total_idle_hours: float
    unseen_seconds: float
    productivity: float | None
    zones_worked: list[str]
    daily_breakdown: list[DayFigures]
