"""The whole platform's alerts, and Alertmanager's webhook (contract, chapter 9)."""

from typing import Annotated

from fastapi import Query

from cluster.api.dependencies import Reader, Serving, Writer
from cluster.judging import Severity
from cluster.schemas.shapes import AlertInfo
from cluster.service.alertmanager import Receipt, Webhook, event_of
from common.bus import subject
from common.errors import Unavailable
from common.moments import UtcMoment
from common.serve import service_router

router = service_router(prefix="/alerts", tags=["alerts"])


@router.get("")
async def list_alerts(
    services: Serving,
    _: Reader,
    severity: Severity | None = None,
    component: Annotated[str | None, Query(max_length=200)] = None,
    resolved: bool | None = None,
    since: UtcMoment | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[AlertInfo]:
    """Alerts of every service, newest first; open and ended ones unless `resolved` says which."""
    return await services.alerts.listed(
        severity=severity, component=component, resolved=resolved, since=since, limit=limit
    )


@router.post("/webhook", status_code=202)
async def take_webhook(webhook: Webhook, services: Serving, _: Writer) -> Receipt:
    """Take alerts in as Prometheus Alertmanager sends them (version 4)."""
    if not services.bus.is_connected:
        raise Unavailable("The bus does not answer right now.")
    for alert in webhook.alerts:
        key, event = event_of(alert)
        await services.bus.publish(subject("alert", "alertmanager", key), event)
    return Receipt(accepted=len(webhook.alerts))
