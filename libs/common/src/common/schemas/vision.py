"""What orchestrator and vision node say to each other and to users (contract, chapter 5).

The node calls through the gateway, with its machine key, under `/api/v1`:

- `POST /machines/` MachineRegistration; `POST /webhooks/heartbeat/`, `…/results/`, `…/status/`.
- `POST /webhooks/events/` a list of NodeEvent: for viewers, at most once, in order, before the
  result.
- `PUT /webhooks/artifacts/{inspection_id}/{name}/` raw bytes with their Content-Type and
  `X-Machine-ID`, `X-Lease-Token`, before the result that lists them; the same again replaces.
- `POST /webhooks/logs/` NodeLogs: for the cluster service, as often as there are some.
- `GET /webhooks/images/{image_id}/` the bytes of an upload; 404 where there is none.

The orchestrator calls the node at its `ip_address` and `port`, with its service token:

- `POST /internal/inspections` Assignment → 202 Accepted. The same lease again: 202. Full, or not
  the machine that is meant: 409. Draining or unable to keep results: 503.
- `POST /internal/restart` → 202: drain, end, and be started anew by whatever runs the node.
- `DELETE /internal/inspections/{inspection_id}` stops work on it: 204, and 204 where there is none.

A heartbeat with status `offline` and no leases gives everything back at once: the node drains.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool

from common.schemas.mesh import LogLevel, LogLine

MachineStatus = Literal["online", "busy", "offline", "error", "maintenance"]
InspectionStatus = Literal["pending", "assigned", "processing", "completed", "failed", "cancelled"]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Wire(BaseModel):
    """A shape on the wire: no NaN, no Infinity; unknown fields of newer senders are passed over."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore", populate_by_name=True)


class ToolSpec(Wire):
    """One tool of a pipeline; `id` is its name unless the tool is used twice."""

    name: Identifier
    id: Identifier | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The id by which connections name this tool."""
        return self.id or self.name


class Connection(Wire):
    """An edge of the graph, from one tool's output port to another's input port."""

    source: Identifier = Field(alias="from")
    target: Identifier = Field(alias="to")
    from_port: Identifier | None = None
    to_port: Identifier | None = None


class PipelineConfig(Wire):
    """Tools and how they are joined; their order in the list means nothing."""

    tools: list[ToolSpec] = Field(min_length=1, max_length=200)
    connections: list[Connection] = Field(default_factory=list, max_length=1000)


class PipelineProblem(Wire):
    """One reason why a pipeline cannot run."""

    tool: str | None
    parameter: str | None
    message: str


class PortDescription(Wire):
    """A typed port of a tool; `unit` is px, mm, deg, grey or null.

    `accepts` are the types that an input takes besides its own (an image takes a mask);
    an input with `many` takes any number of connections.
    """

    name: Identifier
    type: str
    unit: str | None = None
    required: StrictBool = True
    accepts: list[str] = Field(default_factory=list, max_length=50)
    many: StrictBool = False


class ToolDescription(Wire):
    """An entry of the tool catalogue; a node sends its own with its registration."""

    name: Identifier
    description: str
    category: str
    parameters: dict[str, Any]
    inputs: list[PortDescription]
    outputs: list[PortDescription]
    example: dict[str, Any]


class SystemInfo(Wire):
    """What a node measures of its host; null where it cannot be measured."""

    model_config = ConfigDict(allow_inf_nan=False, extra="allow")

    cpu_usage: float | None = None
    memory_usage: float | None = None
    gpu_usage: float | None = None
    temperature: float | None = None


class PerformanceMetrics(Wire):
    """What a machine has done lately; times in seconds, success rate 0-100."""

    model_config = ConfigDict(allow_inf_nan=False, extra="allow")

    inspections_per_hour: float | None = None
    average_processing_time: float | None = None
    success_rate: float | None = None


class MachineRegistration(Wire):
    """How a machine introduces itself, or an operator introduces a machine."""

    name: Name
    location: str = Field("", max_length=200)
    ip_address: str = Field(min_length=1, max_length=253)
    port: int = Field(ge=1, le=65535)
    max_concurrent_inspections: int = Field(1, ge=1, le=1000)
    supported_inspection_types: list[Identifier] = Field(default_factory=list, max_length=500)
    hardware_specs: dict[str, Any] = Field(default_factory=dict)
    tools: list[ToolDescription] = Field(default_factory=list, max_length=500)


class Lease(Wire):
    """The right to work on one inspection until it expires; `token` fences off late results."""

    token: str = Field(min_length=1, max_length=64)
    attempt: int = Field(ge=1)
    expires_at: AwareDatetime


class Assignment(Wire):
    """What the orchestrator pushes to a node: `POST /internal/inspections`."""

    inspection_id: Identifier
    machine_id: Identifier
    inspection_type: Identifier
    pipeline_config: PipelineConfig
    priority: int = Field(5, ge=1, le=10)
    is_continuous: StrictBool = False
    lease: Lease


class ArtifactReport(Wire):
    """An artifact that the node uploaded before it sent the result."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    media_type: str
    size_bytes: int = Field(ge=0)


class ResultReport(Wire):
    """`POST /api/v1/webhooks/results/`: the documented fields, and what our own node adds."""

    machine_id: Identifier
    inspection_id: Identifier
    status: Literal["processing", "completed", "failed", "cancelled"]
    results: dict[str, Any] | None = None
    error_message: str | None = Field(None, max_length=10_000)
    timestamp: AwareDatetime
    attempt: int | None = Field(None, ge=1)
    lease_token: str | None = Field(None, max_length=64)
    artifacts: list[ArtifactReport] = Field(default_factory=list, max_length=50)


class ResultReceipt(Wire):
    """The orchestrator's answer to a result: only the current lease's result is accepted."""

    accepted: StrictBool
    status: InspectionStatus


class HeldLease(Wire):
    """A lease that the node believes to hold."""

    inspection_id: Identifier
    token: str = Field(max_length=64)


class Heartbeat(Wire):
    """`POST /api/v1/webhooks/heartbeat/`: the documented fields, and the leases to renew."""

    machine_id: Identifier
    status: MachineStatus
    system_info: SystemInfo = Field(default_factory=SystemInfo)
    performance_metrics: PerformanceMetrics = Field(default_factory=PerformanceMetrics)
    timestamp: AwareDatetime
    current_inspections: int | None = Field(None, ge=0, le=10_000)
    leases: list[HeldLease] = Field(default_factory=list, max_length=1000)


class RenewedLease(HeldLease):
    """A lease with its new expiry."""

    expires_at: AwareDatetime


class HeartbeatReceipt(Wire):
    """What the node must do: stop what was cancelled or lost, go on with what was renewed."""

    status: Literal["ok"] = "ok"
    renewed: list[RenewedLease] = Field(default_factory=list)
    cancelled: list[Identifier] = Field(default_factory=list)
    lost: list[Identifier] = Field(default_factory=list)
    log_level: LogLevel | None = None


class NodeLogs(Wire):
    """`POST /api/v1/webhooks/logs/`: a node's log lines, and how many were over its budget."""

    machine_id: Identifier
    dropped: int = Field(0, ge=0, le=1_000_000_000)
    lines: list[LogLine] = Field(default_factory=list, max_length=1000)


class StatusUpdate(Wire):
    """`POST /api/v1/webhooks/status/`."""

    machine_id: Identifier
    status: MachineStatus
    current_inspections: int = Field(ge=0, le=10_000)
    timestamp: AwareDatetime


class NodeEvent(Wire):
    """What a node tells the viewers of an inspection; sent as a list to `…/webhooks/events/`."""

    inspection_id: Identifier
    machine_id: Identifier
    type: Literal["tool_result", "frame_result"]
    timestamp: datetime
    data: dict[str, Any]
