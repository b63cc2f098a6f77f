"""`/api/status` on the wire: field by field as the document has it (contract, chapter 7)."""

from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from printers.states import JobStatus

LARGEST_ID: Final = 2**31 - 1
PrinterId = Annotated[str, Field(min_length=1, max_length=64)]
ApiKey = Annotated[str, Field(min_length=1, max_length=200)]


class Wire(BaseModel):
    """A shape on the wire: no NaN, no Infinity; unknown fields are passed over."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")


class Credentials(Wire):
    """Who speaks; the key may come in `X-API-Key` instead."""

    api_key: ApiKey | None = Field(None, description="The printer's key.")
    printer_id: PrinterId


class StartRequest(Credentials):
    """`POST /api/status/start`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "api_key": "sua_chave_api",
                "printer_id": "PRINTER001",
                "print_queue_id": 123,
            }
        }
    )

    print_queue_id: int


class Metrics(Wire):
    """Readings of one moment; the document's names, and three more that bridges know."""

    hotend_temp: float | None = Field(None, ge=-273.15, le=1000)
    bed_temp: float | None = Field(None, ge=-273.15, le=1000)
    hotend_target: float | None = Field(None, ge=0, le=1000)
    bed_target: float | None = Field(None, ge=0, le=1000)
    chamber_temp: float | None = Field(None, ge=-273.15, le=1000)
    speed_percentage: float | None = Field(None, ge=0, le=1000)
    fan_speed_percentage: float | None = Field(None, ge=0, le=100)
    layer_height: float | None = Field(None, ge=0, le=100)
    current_layer: int | None = Field(None, ge=0, le=1_000_000)
    total_layers: int | None = Field(None, ge=0, le=1_000_000)
    filament_used_mm: float | None = Field(None, ge=0, le=1e9)
    print_time_remaining_seconds: float | None = Field(None, ge=0, le=31_536_000)

    @property
    def readings(self) -> dict[str, Any]:
        """What was measured, without what was not."""
        return self.model_dump(exclude_none=True)


class UpdateRequest(Credentials):
    """`POST /api/status/update`; `timestamp` and `progress_reset` go beyond the document."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "api_key": "sua_chave_api",
                "printer_id": "PRINTER001",
                "print_status_id": 456,
                "status": "printing",
                "progress": 25.5,
                "message": "Camada 50 de 200 concluída",
                "metrics": {
                    "hotend_temp": 210.5,
                    "bed_temp": 60.2,
                    "speed_percentage": 100,
                    "fan_speed_percentage": 80,
                    "layer_height": 0.2,
                    "current_layer": 50,
                    "total_layers": 200,
                    "filament_used_mm": 1250.5,
                    "print_time_remaining_seconds": 3600,
                },
            }
        }
    )

    print_status_id: int
    status: JobStatus | None = None
    progress: float | None = Field(None, ge=0, le=100)
    message: str | None = Field(None, max_length=1000)
    metrics: Metrics | None = None
    timestamp: AwareDatetime | None = Field(
        None, description="When this was so; now, if left out. An older one only adds history."
    )
    progress_reset: StrictBool = Field(
        False, description="True when progress went back on purpose; else it never does."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        has_metrics = self.metrics is not None and bool(self.metrics.readings)
        given = (self.status, self.progress, self.message)
        if all(value is None for value in given) and not has_metrics:
            raise PydanticCustomError(
                "nothing_said",
                "At least one of status, progress, message, metrics must be given.",
                {"pt": "Forneça pelo menos um destes campos: status, progress, message, metrics."},
            )
        return self


class Started(Wire):
    """The answer to a start."""

    success: StrictBool = True
    message: str
    print_status_id: int


class BasicStatus(Wire):
    """What anybody may know of a print."""

    id: int
    status: JobStatus
    formatted_status: str
    progress_percentage: float
    started_at: str
    started_at_utc: str
    estimated_completion: str | None
    estimated_completion_utc: str | None


class FullStatus(BasicStatus):
    """What its printer, or a user, may know of a print."""

    printer_id: str
    print_queue_id: int | None
    product_id: int | None
    product_name: str
    model_file: str
    order_id: int | None
    message: str | None
    metrics: dict[str, Any]
    filament_used_mm: float
    printing_seconds: float
    estimate_source: str | None
    last_updated: str
    last_updated_utc: str
    completed_at: str | None
    completed_at_utc: str | None
    job_age_seconds: float | None


class Updated(Wire):
    """The answer to an update; `ignored` names what was older than what is known already."""

    success: StrictBool = True
    message: str
    current_status: FullStatus
    ignored: list[str] = Field(default_factory=list)


class ActiveJob(Wire):
    """One entry of a printer's active prints."""

    print_status_id: int
    status: JobStatus
    formatted_status: str
    progress_percentage: float
    product_id: int | None
    product_name: str
    model_file: str
    order_id: int | None
    started_at: str
    started_at_utc: str
    last_updated: str
    last_updated_utc: str


class ActiveJobs(Wire):
    """`GET /api/status/printer/{printer_id}`."""

    printer_id: str
    active_jobs_count: int
    jobs: list[ActiveJob]


class JobMetrics(Wire):
    """`GET /api/print-jobs/{id}/metrics`: each point with what was measured then."""

    print_status_id: int
    bucket_seconds: int
    points: list[dict[str, Any]]
