"""Vision machines on the wire (contract, chapter 5)."""

import ipaddress
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StrictBool

from common.schemas.vision import (
    Identifier,
    MachineRegistration,
    MachineStatus,
    Name,
    PerformanceMetrics,
    SystemInfo,
    Wire,
)

_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")


def _reachable_address(text: str) -> str:
    """An address or host name that an inspection may be pushed to: no path, no cloud metadata."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        labels = text.split(".")
        if all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit():
            return text
        raise ValueError("must be an IP address or a host name") from None
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ValueError("is no address that a machine can be reached at")
    return text


Address = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_reachable_address)]


class MachineDraft(MachineRegistration):
    """A machine as an operator or the machine itself registers it."""

    ip_address: Address


class MachinePatch(Wire):
    """Fields of a machine to change; what is not named stays. Defaults are never applied."""

    name: Name = ""
    location: str = Field("", max_length=200)
    ip_address: Address = ""
    port: int = Field(0, ge=1, le=65535)
    max_concurrent_inspections: int = Field(1, ge=1, le=1000)
    supported_inspection_types: list[Identifier] = Field(default_factory=list, max_length=500)
    hardware_specs: dict[str, Any] = Field(default_factory=dict)
    status: Literal["maintenance", "online"] = Field(
        "online", description="`maintenance` takes the machine out of service, `online` back in."
    )


class MachineView(Wire):
    """A machine as users see it; more than the document names at the end."""

    id: str
    name: str
    location: str
    ip_address: str
    port: int
    status: MachineStatus
    last_heartbeat: datetime | None
    max_concurrent_inspections: int
    current_inspections: int
    supported_inspection_types: list[str]
    hardware_specs: dict[str, Any]
    is_available: StrictBool
    last_push_error: str | None
    system_info: SystemInfo
    registered_at: datetime
    created_at: datetime
    updated_at: datetime


class MachineState(Wire):
    """`GET /machines/{machine_id}/status/`."""

    machine_id: str
    status: MachineStatus
    last_heartbeat: datetime | None
    current_inspections: int
    is_available: StrictBool
    system_info: SystemInfo
    performance_metrics: PerformanceMetrics
    last_push_error: str | None


class StatisticsBucket(Wire):
    """One time bucket of a machine's statistics; `start` is its beginning."""

    start: datetime
    total: int
    completed: int
    failed: int
    cancelled: int
    lost: int
    success_rate: float | None
    average_processing_time: float | None
    p95_processing_time: float | None
    utilisation: float


class MachineStatistics(Wire):
    """`GET /machines/{machine_id}/statistics/`: times in seconds, rates 0-100."""

    machine_id: str
    period: Literal["hour", "day", "week", "month"] | None
    start_date: datetime
    end_date: datetime
    total_inspections: int
    assigned_inspections: int
    processing_inspections: int
    completed_inspections: int
    failed_inspections: int
    cancelled_inspections: int
    lost_leases: int
    success_rate: float | None
    average_processing_time: float | None
    p95_processing_time: float | None
    utilisation: float
    bucket_seconds: int
    breakdown: list[StatisticsBucket]
