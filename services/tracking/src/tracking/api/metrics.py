"""`/api/v1/metrics`: today, a zone, a worker."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Query

from common.auth import Principal, require
from common.serve import service_router
from tracking.api.dependencies import Serving
from tracking.schemas.metrics import Period, Today, WorkerMetrics, ZoneMetrics

router = service_router(prefix="/api/v1/metrics", tags=["metrics"])
MetricsReader = Annotated[Principal, Depends(require("metrics:read"))]
Day = Annotated[
    date | None,
    Query(
        alias="date",
        description="Last day of the period on the factory's calendar; today if left out.",
        ge=date(2000, 1, 1),
        le=date(2200, 1, 1),
    ),
]


@router.get("/today")
async def get_today(services: Serving, _: MetricsReader, day: Day = None) -> Today:
    """Get today's summary."""
    return await services.reckoning.today(day)


@router.get("/zone/{zone_id}")
async def get_zone_metrics(
    zone_id: str,
    services: Serving,
    _: MetricsReader,
    period: Period = "today",
    day: Day = None,
) -> ZoneMetrics:
    """Get a zone's figures over today, the last 7 or the last 30 days."""
    return await services.reckoning.zone(zone_id, period, day)


@router.get("/worker/{worker_id}")
async def get_worker_metrics(
    worker_id: str,
    services: Serving,
    _: MetricsReader,
    period: Period = "today",
    day: Day = None,
) -> WorkerMetrics:
    """Get a worker's figures over today, the last 7 or the last 30 days."""
    return await services.reckoning.worker(worker_id, period, day)
