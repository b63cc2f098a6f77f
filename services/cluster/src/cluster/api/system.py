"""Status and metrics of the whole mesh (contract, chapter 9)."""

from typing import Annotated

from fastapi import Query

from cluster.api.dependencies import Reader, Serving
from cluster.schemas.shapes import ClusterStatus, MonitoringStatus, SystemMetrics, SystemSummary
from common.serve import service_router

router = service_router(tags=["system"])
legacy = service_router(tags=["system"])


@router.get("/cluster/status")
async def cluster_status(services: Serving, _: Reader) -> ClusterStatus:
    """Hosts, services, workers and performance in one answer."""
    return await services.overview.cluster()


@router.get("/monitoring/status")
async def monitoring_status(services: Serving, _: Reader) -> MonitoringStatus:
    """How many alerts are open, and the health of every service."""
    return await services.overview.monitoring()


@router.get("/metrics/system")
async def system_metrics(
    services: Serving,
    _: Reader,
    minutes: Annotated[int, Query(ge=1, le=527_040, description="How far back.")] = 60,
    limit: Annotated[int, Query(ge=1, le=10_000, description="At most so many.")] = 500,
    node: Annotated[str | None, Query(max_length=253, description="One host only.")] = None,
) -> list[SystemMetrics]:
    """Hosts' metrics, newest last: samples up to 6 hours, then minutes, then hours."""
    return await services.hosts.history(minutes=minutes, limit=limit, node=node)


@legacy.get("/api/system_metrics")
async def system_summary(services: Serving, _: Reader) -> SystemSummary:
    """The load of all hosts now, and whether the Dask scheduler runs."""
    return await services.overview.system()
