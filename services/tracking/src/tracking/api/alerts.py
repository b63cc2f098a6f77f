"""`/api/v1/alerts` and `/api/v1/anomalies`: the floor's own (contract, chapter 1)."""

from typing import Annotated

from fastapi import Depends

from common.auth import Principal, require
from common.serve import service_router
from tracking.api.dependencies import Limit, Offset, Serving, Text
from tracking.schemas.alerts import (
    Acknowledgement,
    AlertList,
    AlertView,
    AnomalyList,
    AnomalySeverity,
    AnomalyView,
    Resolution,
)
from tracking.schemas.rules import RuleName, Severity

router = service_router(prefix="/api/v1", tags=["alerts"])
AlertReader = Annotated[Principal, Depends(require("alerts:read"))]
AnomalyReader = Annotated[Principal, Depends(require("anomalies:read"))]
Acknowledger = Annotated[Principal, Depends(require("acknowledge_alerts"))]


@router.get("/anomalies")
async def list_anomalies(
    services: Serving,
    _: AnomalyReader,
    severity: AnomalySeverity | None = None,
    resolved: bool | None = None,
    zone_id: Text = None,
    anomaly_type: RuleName | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> AnomalyList:
    """List anomalies, newest first."""
    return await services.attention.anomalies(
        limit=limit,
        offset=offset,
        severity=severity,
        resolved=resolved,
        zone_id=zone_id,
        kind=anomaly_type,
    )


@router.post("/anomalies/{anomaly_id}/resolve")
async def resolve_anomaly(
    anomaly_id: int,
    services: Serving,
    caller: Acknowledger,
    said: Resolution | None = None,
) -> AnomalyView:
    """Note what an anomaly was, and that it is dealt with."""
    return await services.attention.resolve(anomaly_id, said or Resolution(), caller)


@router.get("/alerts")
async def list_alerts(
    services: Serving,
    _: AlertReader,
    acknowledged: bool | None = None,
    resolved: bool | None = None,
    severity: Severity | None = None,
    zone_id: Text = None,
    alert_type: RuleName | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> AlertList:
    """List alerts, newest first."""
    return await services.attention.alerts(
        limit=limit,
        offset=offset,
        acknowledged=acknowledged,
        resolved=resolved,
        severity=severity,
        zone_id=zone_id,
        kind=alert_type,
    )


@router.post("/alerts/{alert_id}/acknowledge")
async def acknowledge_alert(
    alert_id: int,
    services: Serving,
    caller: Acknowledger,
    said: Acknowledgement | None = None,
) -> AlertView:
    """Note who looks after an alert; it stays open until its cause has ended."""
    return await services.attention.acknowledge(alert_id, said or Acknowledgement(), caller)
