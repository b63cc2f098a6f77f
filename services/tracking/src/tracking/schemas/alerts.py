"""Anomalies and alerts on the wire (contract, `tracking.md` and chapter 6)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StrictBool, StringConstraints

from tracking.schemas.rules import RuleName, Severity
from tracking.schemas.wire import Wire

AnomalySeverity = Literal["low", "medium", "high"]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Who = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class AnomalyView(Wire):
    """Something unusual; `ended_at` says when its cause was over."""

    anomaly_id: int
    timestamp: datetime
    anomaly_type: RuleName
    severity: AnomalySeverity
    zone_id: str | None
    worker_id: str | None
    camera_id: str | None
    session_id: str | None
    description: str
    root_cause: str | None
    ended_at: datetime | None
    resolved: StrictBool
    resolved_by: str | None
    resolved_at: datetime | None


class AnomalyList(Wire):
    """A page of anomalies, newest first."""

    total: int
    limit: int
    offset: int
    anomalies: list[AnomalyView]


class AlertView(Wire):
    """An alert; open until its cause has ended."""

    alert_id: int
    timestamp: datetime
    alert_type: RuleName
    severity: Severity
    zone_id: str | None
    worker_id: str | None
    camera_id: str | None
    session_id: str | None
    message: str
    updated_at: datetime
    resolved: StrictBool
    resolved_at: datetime | None
    acknowledged: StrictBool
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    action_taken: str | None


class AlertList(Wire):
    """A page of alerts, newest first."""

    total: int
    limit: int
    offset: int
    alerts: list[AlertView]


class Acknowledgement(Wire):
    """Who saw it, and what was done; the caller where nobody is named."""

    acknowledged_by: Who | None = None
    action_taken: Prose | None = None


class Resolution(Wire):
    """What it was."""

    root_cause: Prose | None = None
    resolved_by: Who | None = None


class PlatformAlert(Wire):
    """An alert in the list of the whole platform."""

    id: str
    severity: Severity
    component: str
    message: str
    timestamp: str
    resolved: StrictBool
    resolved_at: str | None
    source: str
    kind: str
    cause: str
    state: Literal["open", "resolved"]
