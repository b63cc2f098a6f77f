"""Inspections on the wire (contract, chapter 5)."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field, StrictBool

from common.schemas.vision import (
    Identifier,
    InspectionStatus,
    Name,
    PipelineConfig,
    PipelineProblem,
    ToolDescription,
    Wire,
)

Strategy = Literal["load_balanced", "nearest", "specialized"]


# Stands where a patch names no pipeline; it is never read.
_NO_PIPELINE: Final = PipelineConfig.model_construct(tools=[])


class InspectionDraft(Wire):
    """An inspection to make; it is queued at once unless `auto_distribute` is false."""

    name: Name
    description: str = Field("", max_length=5000)
    inspection_type: Identifier
    pipeline_config: PipelineConfig
    priority: int = Field(5, ge=1, le=10, description="1 is the most urgent.")
    target_machine_id: Identifier | None = None
    location: str = Field("", max_length=200, description="Used by the strategy `nearest`.")
    strategy: Strategy = "load_balanced"
    preferred_machines: list[Identifier] = Field(default_factory=list, max_length=100)
    auto_distribute: StrictBool = True


class InspectionPatch(Wire):
    """Fields of an inspection to change; what is not named stays. Defaults are never applied."""

    name: Name = ""
    description: str = Field("", max_length=5000)
    inspection_type: Identifier = ""
    pipeline_config: PipelineConfig = _NO_PIPELINE
    priority: int = Field(5, ge=1, le=10)
    target_machine_id: Identifier | None = None
    location: str = Field("", max_length=200)
    strategy: Strategy = "load_balanced"
    preferred_machines: list[Identifier] = Field(default_factory=list, max_length=100)


class SendRequest(Wire):
    """`POST /inspections/{inspection_id}/send/`."""

    target_machine_id: Identifier | None = None
    priority: int | None = Field(None, ge=1, le=10)


class AttemptView(Wire):
    """One try of an inspection on one machine; `outcome` is null while it runs."""

    attempt: int
    machine_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    error: str | None


class LateReportView(Wire):
    """A result that came too late or twice: evidence, which changed nothing."""

    machine_id: str
    received_at: datetime
    report: dict[str, Any]


class ArtifactView(Wire):
    """A file that came with the results."""

    name: str
    media_type: str
    size_bytes: int
    url: str


class InspectionSummary(Wire):
    """An inspection in a list: without attempts, artifacts and the results of single tools."""

    id: str
    name: str
    description: str
    inspection_type: str
    status: InspectionStatus
    priority: int
    pipeline_config: dict[str, Any]
    target_machine_id: str | None
    machine_id: str | None
    location: str
    strategy: Strategy
    preferred_machines: list[str]
    auto_distribute: StrictBool
    is_continuous: StrictBool
    created_by: str
    created_at: datetime
    updated_at: datetime
    queued_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    attempt_count: int
    results: dict[str, Any] | None
    error_message: str | None


class InspectionView(InspectionSummary):
    """The whole record of an inspection."""

    attempts: list[AttemptView]
    artifacts: list[ArtifactView]
    late_reports: list[LateReportView] = Field(default_factory=list)
    queue_position: int | None = Field(None, description="From 1, while it waits in the queue.")
    estimated_wait_time: int | None = Field(None, description="Seconds, from measured times.")


class ImageView(Wire):
    """`POST /images/`: sizes are null where the file does not say them."""

    image_id: str
    media_type: str
    width: int | None
    height: int | None
    frames: int | None
    sha256: str


class ToolList(Wire):
    """`GET /tools/`."""

    count: int
    tools: list[ToolDescription]


class PipelineQuestion(Wire):
    """`POST /pipelines/validate/`; the pipeline may be as broken as it likes."""

    pipeline_config: Any


class PipelineVerdict(Wire):
    """Everything that is wrong with a pipeline."""

    valid: StrictBool
    errors: list[PipelineProblem]
