"""Prometheus Alertmanager's webhook, version 4: what comes in, and what we send (chapter 9).

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cluster.gathering import severity_of
from cluster.schemas.shapes import AlertInfo, rfc3339
from common.moments import UtcMoment

_NEVER: Final = "0001-01-01T00:00:00Z"
Labels = dict[str, str]


class WebhookAlert(BaseModel):
    """One alert of a group."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"]
    labels: Labels = Field(min_length=1, max_length=100)
    annotations: Labels = Field(default_factory=dict, max_length=100)
    startsAt: UtcMoment
    endsAt: UtcMoment | None = None
    generatorURL: str = Field("", max_length=2_000)
    fingerprint: str = Field("", max_length=200, pattern=r"^[A-Za-z0-9_-]*$")


class Webhook(BaseModel):
    """A group of alerts as Alertmanager posts it."""

    model_config = ConfigDict(extra="ignore")

    version: Literal["4"]
    status: Literal["firing", "resolved"]
    receiver: str = Field("", max_length=200)
    groupKey: str = Field("", max_length=10_000)
    alerts: list[WebhookAlert] = Field(max_length=1_000)


class Receipt(BaseModel):
    """How many alerts were taken in."""

    accepted: int


def event_of(alert: WebhookAlert) -> tuple[str, dict[str, Any]]:
    """The alert's key and event, as a service of the mesh would publish it."""
    key = alert.fingerprint or _fingerprint(alert.labels)
    labels, notes = alert.labels, alert.annotations
    name = labels.get("alertname", "alert")
    about = next(
        (labels[one] for one in ("service", "job", "instance", "node") if one in labels), name
    )
    is_resolved = alert.status == "resolved"
    ended = alert.endsAt or datetime.now(UTC)
    return key, {
        "type": "alert",
        "cause": f"{key}",
        "severity": severity_of(labels.get("severity")),
        "component": about,
        "message": notes.get("summary") or notes.get("description") or name,
        "source": "alertmanager",
        "timestamp": rfc3339(alert.startsAt),
        "resolved": is_resolved,
        "resolved_at": rfc3339(ended) if is_resolved else None,
        "labels": labels,
    }


def _fingerprint(labels: Mapping[str, str]) -> str:
    text = "\n".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def webhook_of(alert: AlertInfo, *, cause: str, external_url: str) -> dict[str, Any]:
    """One alert as Alertmanager would send it on."""
    status = "resolved" if alert.resolved else "firing"
    labels = {
        "alertname": cause,
        "severity": alert.severity,
        "component": alert.component,
        "source": alert.source,
    }
    notes = {"summary": alert.message}
    if alert.affected:
        notes["affected"] = ", ".join(alert.affected)
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{cause}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "gemba",
        "groupLabels": {"alertname": cause},
        "commonLabels": labels,
        "commonAnnotations": notes,
        "externalURL": external_url,
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": notes,
                "startsAt": rfc3339(alert.timestamp),
                "endsAt": rfc3339(alert.resolved_at) if alert.resolved_at else _NEVER,
                "generatorURL": f"{external_url}/api/alerts",
                "fingerprint": _fingerprint(labels),
            }
        ],
    }
