"""What users see of the mesh (contract, chapter 9)."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, StrictBool

from cluster.judging import Severity
from common.schemas.mesh import GpuSample


def rfc3339(moment: datetime) -> str:
    """A moment as the contract writes it: UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
Health = Literal["healthy", "degraded", "unhealthy"]
Action = Literal["stop", "restart"]


class Shape(BaseModel):
    """A shape on the wire."""

    model_config = ConfigDict(allow_inf_nan=False, from_attributes=True)


class SystemMetrics(Shape):
    """One host at one moment, or the mean of a bucket; percent and bytes."""

    timestamp: Moment
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    load_average: list[float]
    network_bytes_sent: int
    network_bytes_recv: int
    gpu: list[GpuSample] | None
    node: str


class DaskStatus(Shape):
    """Whether the compute cluster's scheduler answers."""

    status: Literal["running", "stopped"]
    port: int


class SystemSummary(Shape):
    """`GET /api/system_metrics`: percent; the mean of all hosts, `nodes` has each."""

    cpu: float | None
    memory: float | None
    disk: float | None
    dask: DaskStatus
    gpu: list[GpuSample] | None
    timestamp: Moment
    nodes: list[SystemMetrics]


class AlertInfo(Shape):
    """One alert; `affected` names what it explains."""

    id: str
    severity: Severity
    component: str
    message: str
    timestamp: Moment
    resolved: StrictBool
    source: str
    resolved_at: Moment | None = None
    affected: list[str] = []


class WorkerInfo(Shape):
    """A vision node or a Dask worker."""

    id: str
    name: str
    kind: Literal["vision-node", "dask"]
    status: str
    address: str
    cpu_percent: float | None
    memory_percent: float | None
    current_tasks: int
    last_seen: Moment | None
    details: dict[str, Any] = {}
    operation: str | None = None


class OperationReceipt(Shape):
    """The answer to an order."""

    worker_id: str
    action: Action
    operation_id: str
    status: Literal["requested"] = "requested"


class OperationInfo(Shape):
    """`GET /operations/{operation_id}`: how far an order has come, 0-100."""

    operation_id: str
    worker_id: str
    kind: str
    action: Action
    status: str
    progress: int
    message: str
    error: str | None
    requested_by: str
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None


class Replica(Shape):
    """One process of a service."""

    instance: str
    node: str
    status: Health
    version: str
    pid: int
    uptime_seconds: int
    latency_ms: float | None
    requests_per_second: float
    loop_lag_ms: float
    last_seen: Moment
    troubles: list[str]


class ServiceStatus(Shape):
    """A service and its replicas; `latency_ms` is a round trip from here to its door."""

    status: Health
    version: str | None
    latency_ms: float | None
    uptime_seconds: int | None
    restarts: int
    replicas: list[Replica]


class WorkersSummary(Shape):
    """How many workers there are, by what they do."""

    total: int
    online: int
    by_status: dict[str, int]
    by_kind: dict[str, int]


class Performance(Shape):
    """What the whole mesh answers; times in milliseconds."""

    requests_per_second: float
    average_latency_ms: float | None
    error_rate: float
    current_tasks: int


class ClusterStatus(Shape):
    """`GET /cluster/status`."""

    status: Health
    timestamp: Moment
    cpu: float | None
    memory: float | None
    disk: float | None
    services: dict[str, ServiceStatus]
    workers: WorkersSummary
    performance: Performance
    nodes: list[SystemMetrics]


class AlertTotals(Shape):
    """Open alerts by severity."""

    total: int = 0
    info: int = 0
    warning: int = 0
    critical: int = 0


class MonitoringStatus(Shape):
    """`GET /monitoring/status`."""

    alerts: AlertTotals
    services: dict[str, Health]
    health: Health
    timestamp: Moment


class LogEntry(Shape):
    """One line; `fields` is what it has beside those of all."""

    timestamp: Moment
    level: str
    component: str
    message: str
    request_id: str | None
    fields: dict[str, Any] = {}


class LogPage(Shape):
    """Lines, newest first, and how many there are in all."""

    total: int
    logs: list[LogEntry]


class Trace(Shape):
    """One request's way through the mesh, by every service's lines, oldest first."""

    request_id: str
    components: list[str]
    duration_ms: float
    lines: list[LogEntry]


class SettingsRecord(Shape):
    """One change of the settings."""

    version: int
    changed_by: str
    changed_at: Moment
    changes: dict[str, Any]
    settings: dict[str, Any]
