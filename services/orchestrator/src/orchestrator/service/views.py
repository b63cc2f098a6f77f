"""Rows as users see them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from common.schemas.vision import SystemInfo
from orchestrator.models import Artifact, Attempt, Inspection, LateReport, Machine
from orchestrator.scheduling import free_slots
from orchestrator.schemas.inspections import (
    ArtifactView,
    AttemptView,
    InspectionSummary,
    InspectionView,
    LateReportView,
)
from orchestrator.schemas.machines import MachineView

_SUMMARY_FIELDS = tuple(name for name in InspectionSummary.model_fields if name != "results")


def occupied(machine: Machine, leases: int) -> int:
    """How many inspections a machine works on: the larger of its leases and its own report."""
    return max(leases, machine.reported_inspections)


def is_available(machine: Machine, leases: int) -> bool:
    """True when an inspection would be pushed to this machine now."""
    blocked = machine.blocked_until
    return (
        machine.status in ("online", "busy")
        and (blocked is None or blocked <= datetime.now(UTC))
        and free_of(machine, leases) > 0
    )


def free_of(machine: Machine, leases: int) -> int:
    """The free slots of a machine."""
    return free_slots(
        machine.max_concurrent_inspections, leases=leases, reported=machine.reported_inspections
    )


def machine_view(machine: Machine, leases: int) -> MachineView:
    """A machine with what it does now."""
    return MachineView(
        id=machine.id,
        name=machine.name,
        location=machine.location,
        ip_address=machine.ip_address,
        port=machine.port,
        status=machine.status,
        last_heartbeat=machine.last_heartbeat,
        max_concurrent_inspections=machine.max_concurrent_inspections,
        current_inspections=occupied(machine, leases),
        supported_inspection_types=machine.supported_inspection_types,
        hardware_specs=machine.hardware_specs,
        is_available=is_available(machine, leases),
        last_push_error=machine.last_push_error,
        system_info=SystemInfo.model_validate(machine.system_info),
        registered_at=machine.registered_at,
        created_at=machine.created_at,
        updated_at=machine.updated_at,
    )


def summary_view(inspection: Inspection, results: dict[str, Any] | None) -> InspectionSummary:
    """An inspection in a list, with the light part of its results."""
    fields = {name: getattr(inspection, name) for name in _SUMMARY_FIELDS}
    return InspectionSummary(**fields, results=results)


def inspection_view(
    inspection: Inspection,
    *,
    attempts: Sequence[Attempt] = (),
    artifacts: Sequence[Artifact] = (),
    late_reports: Sequence[LateReport] = (),
    base_url: str = "",
) -> InspectionView:
    """The whole record; links to artifacts start with `base_url`."""
    fields = {name: getattr(inspection, name) for name in _SUMMARY_FIELDS}
    return InspectionView(
        **fields,
        results=inspection.results,
        attempts=[attempt_view(attempt) for attempt in attempts],
        artifacts=[artifact_view(artifact, base_url=base_url) for artifact in artifacts],
        late_reports=[
            LateReportView(
                machine_id=late.machine_id, received_at=late.received_at, report=late.report
            )
            for late in late_reports
        ],
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    """One try."""
    return AttemptView(
        attempt=attempt.attempt,
        machine_id=attempt.machine_id,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        error=attempt.error,
    )


def artifact_view(artifact: Artifact, *, base_url: str) -> ArtifactView:
    """A file with its address."""
    path = f"/api/v1/inspections/{artifact.inspection_id}/artifacts/{artifact.name}"
    return ArtifactView(
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        url=f"{base_url}{path}",
    )
