"""Alerts as each service tells them, brought into one shape; and Alertmanager's. Pure.

Every service publishes `gemba.alert.<domain>.<key>`: either the alert itself, or an envelope with
the alert in `data`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cluster.judging import Severity
from common.bus import Event

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "info": "info", "information": "info", "none": "info", "low": "info", "notice": "info",
    "warning": "warning", "warn": "warning", "medium": "warning", "minor": "warning",
    "critical": "critical", "error": "critical", "high": "critical", "page": "critical",
    "major": "critical", "emergency": "critical", "fatal": "critical",
}  # fmt: skip
_ENDED: Final = frozenset({"resolved", "closed", "ended", "inactive"})
_SUBJECT_NAMES: Final = ("printer", "device", "zone", "worker", "camera", "machine")
# Printers tell local time, and UTC beside it.
_BEGINNINGS: Final = ("created_at_utc", "began_at", "created_at", "started_at", "timestamp")
_MOST_TEXT: Final = 2_000


@dataclass(frozen=True)
class Told:
    """An alert as somebody told it."""

    cause: str
    severity: Severity
    component: str
    message: str
    source: str
    began_at: datetime
    resolved_at: datetime | None
    told_at: datetime


def severity_of(word: object, *, default: Severity = "warning") -> Severity:
    """The nearest of our three severities."""
    return _SEVERITIES.get(str(word).lower(), default)


def alert_id(cause: str, began_at: datetime) -> str:
    """The same for everyone who hears of the alert, and again when it is replayed."""
    return f"al_{hashlib.sha256(f'{cause}@{began_at.isoformat()}'.encode()).hexdigest()[:12]}"


def told_of(event: Event) -> Told | None:
    """The alert in an event of the bus; None where there is none to read."""
    parts = event.subject.split(".")
    domain, key = parts[2], ".".join(parts[3:])
    inner = event.data.get("data")
    data: dict[str, Any] = {**event.data, **inner} if isinstance(inner, dict) else event.data
    if not any(name in data for name in ("message", "severity", "kind", "type")):
        return None
    source = _text(data.get("source")) or domain
    ended = _moment(data.get("resolved_at")) or _moment(data.get("ended_at"))
    if ended is None and _has_ended(data, key):
        ended = event.timestamp
    began = _began_at(data, event.timestamp)
    return Told(
        cause=_cause_of(data, source=source, key=key),
        severity=severity_of(data.get("severity")),
        component=_component_of(data, source=source),
        message=_text(data.get("message")) or _text(data.get("kind")) or f"alert of {source}",
        source=source,
        began_at=began,
        resolved_at=ended,
        told_at=event.timestamp,
    )


def _began_at(data: Mapping[str, Any], otherwise: datetime) -> datetime:
    for name in _BEGINNINGS:
        if (moment := _moment(data.get(name))) is not None:
            return moment
    return otherwise


def _has_ended(data: Mapping[str, Any], key: str) -> bool:
    state = str(data.get("state") or data.get("status") or "").lower()
    return data.get("resolved") is True or state in _ENDED or key.startswith("resolved.")


def _cause_of(data: Mapping[str, Any], *, source: str, key: str) -> str:
    """The service's own name for the cause, else its alert's id, else what the alert is about."""
    for name in ("cause", "id", "alert_id"):
        if data.get(name) not in (None, ""):
            return f"{source}/{_text(data[name])}"
    kind = _text(data.get("kind")) or _text(data.get("type"))
    return f"{source}/{_component_of(data, source=source)}/{kind or key}"


def _component_of(data: Mapping[str, Any], *, source: str) -> str:
    if given := _text(data.get("component")):
        return given
    for name in _SUBJECT_NAMES:
        if data.get(f"{name}_id") not in (None, ""):
            return f"{name}:{_text(data[f'{name}_id'])}"
    return source


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_MOST_TEXT]


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
