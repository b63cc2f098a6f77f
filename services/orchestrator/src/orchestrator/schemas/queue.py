"""The queue, its dead letters and the dashboard on the wire (contract, chapter 5)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from common.schemas.vision import Identifier, InspectionStatus, PerformanceMetrics, Wire
from orchestrator.schemas.inspections import Strategy


class DistributeRequest(Wire):
    """`POST /orchestrator/distribute/`."""

    inspection_id: Identifier
    strategy: Strategy = "load_balanced"
    preferred_machines: list[Identifier] = Field(default_factory=list, max_length=100)


class Distribution(Wire):
    """What became of an inspection that was to be distributed; the last two while it waits."""

    inspection_id: str
    machine_id: str | None
    status: InspectionStatus
    strategy: Strategy
    queue_position: int | None = None
    estimated_wait_time: int | None = None


class QueuedInspection(Wire):
    """An inspection that waits; `queue_position` from 1."""

    id: str
    name: str
    inspection_type: str
    priority: int
    queued_at: datetime
    target_machine_id: str | None
    queue_position: int
    estimated_wait_time: int | None


class MachineAssignments(Wire):
    """What a machine does, and how many inspections wait for this machine alone."""

    current_inspections: int
    queue_position: int


class QueueView(Wire):
    """`GET /orchestrator/queue/`: the head of the queue, and who works on what."""

    count: int
    pending_inspections: list[QueuedInspection]
    machine_assignments: dict[str, MachineAssignments]


class ReplayRequest(Wire):
    """Which dead letters to replay; all of them when none is named."""

    inspection_ids: list[Identifier] | None = Field(None, min_length=1, max_length=1000)


class Replayed(Wire):
    """The dead letters that are in the queue again."""

    replayed: list[str]


class Acknowledged(Wire):
    """A webhook was taken in."""

    status: Literal["ok"] = "ok"


class EventsReceipt(Wire):
    """How many of a node's events went out.

    `overlay_wanted` names the inspections that somebody watches with `overlay=jpeg`: a node need
    not draw what nobody sees.
    """

    accepted: int
    dropped: int
    overlay_wanted: list[str]
    plain_wanted: list[str] = Field(
        default_factory=list, description="Those watched with `overlay=plain`: bare pictures."
    )


class Throughput(PerformanceMetrics):
    """What the whole floor did: throughput of the last hour, means of the last 24 hours."""

    throughput_per_hour: float = 0.0


class Dashboard(Wire):
    """`GET /dashboard/`."""

    total_machines: int
    online_machines: int
    total_inspections: int
    pending_inspections: int
    assigned_inspections: int
    processing_inspections: int
    completed_inspections: int
    failed_inspections: int
    cancelled_inspections: int
    system_health: Literal["good", "degraded", "critical"]
    performance_metrics: Throughput
