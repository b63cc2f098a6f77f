"""What every process tells the cluster service over the bus, and what it is told (chapter 9).

Plain NATS, kept by nobody: `mesh.beacon.<node>.<service>.<instance>` is a Beacon, every two
seconds; `mesh.logs.<component>` carries JSON lines; `mesh.tuning` is a Tuning. Only the
HostSample is an event of the stream, `gemba.system.sample.<node>`.
"""

import os
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

BEACON_SUBJECT: Final = "mesh.beacon"
LOGS_SUBJECT: Final = "mesh.logs"
TUNING_SUBJECT: Final = "mesh.tuning"
BEACON_EVERY_S: Final = 2.0
DROPPED_HEADER: Final = "Dropped"
# A node's order to restart ends its process with this code (sysexits' EX_TEMPFAIL), so that what
# restarts processes only "on failure" starts it again too.
RESTART_EXIT_CODE: Final = os.EX_TEMPFAIL

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Traffic(BaseModel):
    """What a process answered since its last beacon; times in milliseconds."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")

    requests_per_s: float = 0.0
    failed_per_s: float = 0.0
    latency_ms: float | None = None
    loop_lag_ms: float = 0.0


class Beacon(BaseModel):
    """A process's sign of life: who and where it is, and whether what it needs answers."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")

    service: str = Field(max_length=100)
    instance: str = Field(max_length=100)
    node: str = Field(max_length=253)
    version: str = Field("", max_length=50)
    pid: int = 0
    started_at: datetime
    is_leaving: StrictBool = False
    checks: dict[str, str] = Field(default_factory=dict)
    traffic: Traffic = Field(default_factory=Traffic)
    tuning_version: int = 0
    dropped_log_lines: int = 0


class GpuSample(BaseModel):
    """One GPU's load."""

    index: int
    name: str
    utilization_percent: float
    memory_percent: float
    memory_total_mb: int
    temperature_c: float | None = None


class HostSample(BaseModel):
    """One host's load at one moment; counters of bytes are the host's own, since its start."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")

    node: str = Field(max_length=253)
    timestamp: datetime
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    load_average: list[float] = Field(max_length=3)
    network_bytes_sent: int
    network_bytes_recv: int
    gpu: list[GpuSample] | None = None


class Tuning(BaseModel):
    """Settings that every process obeys while it runs; version 0 is what it was started with."""

    version: int = 0
    sampling_interval_seconds: int = Field(10, ge=1, le=3600)
    log_level: LogLevel | None = None


class LogLine(BaseModel):
    """A line as a process logged it; further fields stay with it."""

    model_config = ConfigDict(extra="allow")

    timestamp: datetime
    level: str = Field(max_length=20)
    component: str = Field("", max_length=100)
    message: str = Field(max_length=20_000)
    request_id: str | None = Field(None, max_length=200)

    def extra_fields(self) -> dict[str, Any]:
        """What a line has beside the fields of all."""
        return dict(self.model_extra or {})
