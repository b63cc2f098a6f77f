"""The whole mesh in one answer: services, hosts, workers, performance (contract, chapter 9)."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import httpx

from cluster.roster import Instance
from cluster.schemas.shapes import (
    ClusterStatus,
    Health,
    MonitoringStatus,
    Performance,
    Replica,
    ServiceStatus,
    SystemSummary,
    WorkerInfo,
    WorkersSummary,
)
from cluster.service.alerts import AlertBook
from cluster.service.dask_workers import DaskWorkers
from cluster.service.hosts import HostService
from cluster.service.orders import OrderService
from cluster.service.watch import Watch
from cluster.settings import Settings
from common.bus import Bus
from common.db import Database

_PROBE_S: Final = 2.0
_RESTARTS_WITHIN_S: Final = 600.0
_VITAL: Final = ("postgresql", "nats")
_AT_WORK: Final = frozenset({"online", "busy", "running"})


class Overview:
    """Puts together what the others know."""

    def __init__(
        self,
        settings: Settings,
        *,
        watch: Watch,
        hosts: HostService,
        alerts: AlertBook,
        orders: OrderService,
        dask: DaskWorkers,
        database: Database,
        bus: Bus,
    ) -> None:
        self._settings = settings
        self._watch = watch
        self._hosts = hosts
        self._alerts = alerts
        self._orders = orders
        self._dask = dask
        self._database = database
        self._bus = bus
        self._latency_ms: dict[str, float | None] = {}
        self._backends: dict[str, ServiceStatus] = {}
        self.has_database = True

    async def probe(self) -> None:
        """Measure the way to every service's door, and to PostgreSQL and NATS."""
        async with httpx.AsyncClient(timeout=_PROBE_S, trust_env=False, verify=False) as client:
            urls = self._settings.service_urls
            times = await asyncio.gather(*(_round_trip_ms(client, url) for url in urls.values()))
        self._latency_ms = dict(zip(urls, times, strict=True))
        database_ms, bus_ms = await asyncio.gather(self._ping_database(), self._ping_bus())
        self.has_database = database_ms is not None
        self._backends = {"postgresql": _backend(database_ms), "nats": _backend(bus_ms)}

    async def _ping_database(self) -> float | None:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._database.ping()
        except Exception:
            # Whatever it was, the database does not serve; our own log has the cause.
            return None
        return _ms_since(began)

    async def _ping_bus(self) -> float | None:
        if not self._bus.is_connected:
            return None
        began = time.perf_counter()
        try:
            await self._bus.client.flush(timeout=int(_PROBE_S))
        except Exception:
            return None
        return _ms_since(began)

    def services(self) -> dict[str, ServiceStatus]:
        """Every service that was ever heard, with its replicas; and what they all stand on."""
        now = time.monotonic()
        found = {
            name: self._service(name, self._watch.live(name), now_s=now)
            for name in self._watch.roster.services
        }
        return {**found, **self._backends}

    def _service(self, name: str, live: Sequence[Instance], *, now_s: float) -> ServiceStatus:
        replicas = [_replica(one, now_s=now_s) for one in live]
        restarts = self._watch.roster.restarts(name, within_s=_RESTARTS_WITHIN_S, now_s=now_s)
        missing = any(one.is_lost for one in self._watch.roster.instances if one.service == name)
        oldest = max((one.uptime_seconds for one in replicas), default=None)
        return ServiceStatus(
            status=_health(replicas, is_missing_one=missing),
            version=replicas[0].version if replicas else None,
            latency_ms=self._latency_ms.get(name),
            uptime_seconds=oldest,
            restarts=restarts,
            replicas=replicas,
        )

    async def cluster(self) -> ClusterStatus:
        """`GET /cluster/status`."""
        services, nodes = self.services(), self._hosts.now()
        workers = await self._orders.workers()
        return ClusterStatus(
            status=overall({name: one.status for name, one in services.items()}),
            timestamp=datetime.now(UTC),
            cpu=_mean([one.cpu_percent for one in nodes]),
            memory=_mean([one.memory_percent for one in nodes]),
            disk=_mean([one.disk_percent for one in nodes]),
            services=services,
            workers=_summary(workers),
            performance=self._performance(workers),
            nodes=nodes,
        )

    def _performance(self, workers: Sequence[WorkerInfo]) -> Performance:
        # A request passes the gateway first: its figures are what users feel.
        doors = self._watch.live("gateway") or self._watch.live()
        traffic = [one.beacon.traffic for one in doors]
        rate = sum(one.requests_per_s for one in traffic)
        busy = [one for one in traffic if one.latency_ms is not None]
        weighted = sum((one.latency_ms or 0.0) * one.requests_per_s for one in busy)
        failed = sum(one.failed_per_s for one in traffic)
        return Performance(
            requests_per_second=round(rate, 3),
            average_latency_ms=round(weighted / rate, 3) if rate and busy else None,
            error_rate=round(failed / rate, 4) if rate else 0.0,
            current_tasks=sum(one.current_tasks for one in workers),
        )

    async def monitoring(self) -> MonitoringStatus:
        """`GET /monitoring/status`."""
        services = {name: one.status for name, one in self.services().items()}
        return MonitoringStatus(
            alerts=await self._alerts.totals(),
            services=services,
            health=overall(services),
            timestamp=datetime.now(UTC),
        )

    async def system(self) -> SystemSummary:
        """`GET /api/system_metrics`."""
        nodes = self._hosts.now()
        gpus = [gpu for node in nodes for gpu in node.gpu or ()]
        return SystemSummary(
            cpu=_mean([one.cpu_percent for one in nodes]),
            memory=_mean([one.memory_percent for one in nodes]),
            disk=_mean([one.disk_percent for one in nodes]),
            dask=await self._dask.status(),
            gpu=gpus or None,
            timestamp=datetime.now(UTC),
            nodes=nodes,
        )


def overall(services: Mapping[str, Health]) -> Health:
    """Unhealthy without database or bus, degraded without anything else."""
    if any(services.get(name) == "unhealthy" for name in _VITAL):
        return "unhealthy"
    return "healthy" if all(one == "healthy" for one in services.values()) else "degraded"


def _health(replicas: Sequence[Replica], *, is_missing_one: bool) -> Health:
    if not replicas or all(one.status == "unhealthy" for one in replicas):
        return "unhealthy"
    if is_missing_one or any(one.status != "healthy" for one in replicas):
        return "degraded"
    return "healthy"


def _replica(one: Instance, *, now_s: float) -> Replica:
    beacon, now = one.beacon, datetime.now(UTC)
    silent_s = now_s - one.heard_s
    return Replica(
        instance=beacon.instance,
        node=beacon.node,
        status="unhealthy" if one.troubles else "healthy",
        version=beacon.version,
        pid=beacon.pid,
        uptime_seconds=max(0, int((now - beacon.started_at).total_seconds())),
        latency_ms=beacon.traffic.latency_ms,
        requests_per_second=beacon.traffic.requests_per_s,
        loop_lag_ms=beacon.traffic.loop_lag_ms,
        last_seen=datetime.fromtimestamp(now.timestamp() - silent_s, UTC),
        troubles=one.troubles,
    )


def _backend(latency_ms: float | None) -> ServiceStatus:
    return ServiceStatus(
        status="unhealthy" if latency_ms is None else "healthy",
        version=None,
        latency_ms=latency_ms,
        uptime_seconds=None,
        restarts=0,
        replicas=[],
    )


def _summary(workers: Sequence[WorkerInfo]) -> WorkersSummary:
    return WorkersSummary(
        total=len(workers),
        online=sum(one.status in _AT_WORK for one in workers),
        by_status=dict(Counter(one.status for one in workers)),
        by_kind=dict(Counter(one.kind for one in workers)),
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


async def _round_trip_ms(client: httpx.AsyncClient, url: str) -> float | None:
    began = time.perf_counter()
    try:
        answer = await client.get(f"{url.rstrip('/')}/healthz")
    except httpx.HTTPError:
        return None
    return _ms_since(began) if answer.status_code == 200 else None
