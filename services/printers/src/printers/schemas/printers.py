"""Printers, their queue and their commands on the wire (contract, chapter 7)."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from printers.schemas.status import Wire
from printers.states import CommandName, Driver, JobStatus, PrinterStatus

NewPrinterId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


def _web_address(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_good = False
    if not is_good:
        raise PydanticCustomError(
            "web_address",
            "Must be an http:// or https:// address.",
            {"pt": "Deve ser um endereço http:// ou https://."},
        )
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError(
            "credentials_in_address",
            "Credentials do not belong into the address; use the field credentials.",
            {"pt": "Credenciais não pertencem ao endereço; use o campo credentials."},
        )
    return text


WebAddress = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]


class Camera(Wire):
    """A snapshot that a vision node inspects every so often."""

    snapshot_url: Annotated[WebAddress, Field(min_length=1)]
    pipeline_config: dict[str, Any] = Field(
        description="A pipeline without its source; it runs on each snapshot."
    )
    inspection_type: str = Field("print_failure", min_length=1, max_length=64)
    score_field: str = Field(
        "confidence_score",
        max_length=200,
        description="Where the result has its sign of failure; dots go into objects.",
    )
    score_full: float = Field(1.0, gt=0, description="The value that means certain failure.")
    interval_seconds: float = Field(30.0, ge=1, le=3600)
    threshold: float = Field(0.6, gt=0, le=1, description="Score from which a failure is feared.")
    auto_pause: StrictBool = False
    is_enabled: StrictBool = True


Secrets = dict[
    Annotated[str, StringConstraints(min_length=1, max_length=64)],
    Annotated[str, StringConstraints(max_length=1000)],
]


def needs_url(driver: str, url: str) -> bool:
    """True when a bridge would not know where to go."""
    return driver in ("octoprint", "moonraker") and not url


class PrinterDraft(Wire):
    """A printer as an operator registers it."""

    printer_id: NewPrinterId
    name: Title
    model: Label = ""
    location: Label = ""
    driver: Driver = "api"
    url: WebAddress = ""
    credentials: Annotated[Secrets, Field(max_length=20)] = Field(
        default_factory=dict, description="What the bridge logs in with; never shown again."
    )
    camera: Camera | None = None

    @model_validator(mode="after")
    def _bridge_has_an_address(self) -> Self:
        if needs_url(self.driver, self.url):
            raise PydanticCustomError(
                "needs_url",
                "This driver needs a url.",
                {"pt": "Este driver precisa do campo url."},
            )
        return self


class PrinterPatch(Wire):
    """Fields of a printer to change; what is not named stays."""

    name: Title = ""
    model: Label = ""
    location: Label = ""
    driver: Driver = "api"
    url: WebAddress = ""
    credentials: Annotated[Secrets, Field(max_length=20)] = Field(default_factory=dict)
    camera: Camera | None = None


class Link(Wire):
    """How the bridge stands with the printer's host."""

    state: Literal["never", "connecting", "up", "auth_failed", "refused", "unreachable"]
    error: str | None


class Ages(Wire):
    """Seconds since each was last heard: the link, the printer itself, its job."""

    link_seconds: float | None
    printer_seconds: float | None
    job_seconds: float | None


class CurrentJob(Wire):
    """The print that a printer works on."""

    print_status_id: int
    status: JobStatus
    formatted_status: str
    progress_percentage: float
    product_name: str
    model_file: str
    estimated_completion: str | None
    estimated_completion_utc: str | None


class PrinterView(Wire):
    """A printer as users see it."""

    printer_id: str
    name: str
    model: str
    location: str
    driver: Driver
    url: str
    has_credentials: StrictBool
    status: PrinterStatus
    last_seen_at: str | None
    last_seen_at_utc: str | None
    link: Link
    ages: Ages
    readings: dict[str, Any]
    current_job: CurrentJob | None
    filament_used_mm_total: float
    camera: Camera | None
    camera_score: float | None
    created_at: str
    created_at_utc: str


class NewPrinter(PrinterView):
    """The answer to a registration or a rotation: the only time that the key is shown."""

    api_key: str


# A number of the shop's own system; true and "7" are none.
Reference = Annotated[int | None, Field(ge=0, le=2**53, strict=True)]


class QueueDraft(Wire):
    """An item of the print queue."""

    product_id: Reference = None
    product_name: Title
    model_file: Title
    order_id: Reference = None
    printer_id: str | None = Field(None, max_length=64)


class QueuePatch(Wire):
    """Fields of a queue item to change; what is not named stays."""

    product_id: Reference = None
    product_name: Title = ""
    model_file: Title = ""
    order_id: Reference = None
    printer_id: str | None = Field(None, max_length=64)


class QueueView(Wire):
    """A queue item, with its print once there is one."""

    id: int
    product_id: int | None
    product_name: str
    model_file: str
    order_id: int | None
    printer_id: str | None
    print_status_id: int | None
    status: JobStatus | None
    created_at: str
    created_at_utc: str


class CommandRequest(Wire):
    """`POST /api/printers/{printer_id}/commands`."""

    command: CommandName


class CommandView(Wire):
    """A command and what came of it; `acknowledged` once the printer's own state shows it."""

    id: int
    printer_id: str
    print_status_id: int | None
    command: CommandName
    state: Literal["requested", "sent", "acknowledged", "failed"]
    error: str | None
    requested_by: str
    requested_at_utc: datetime
    settled_at_utc: datetime | None


class AlertView(Wire):
    """Something that a person should look at."""

    id: int
    kind: str
    severity: Literal["info", "warning", "critical"]
    printer_id: str
    print_status_id: int | None
    message: str
    created_at_utc: datetime
    updated_at_utc: datetime
    resolved_at_utc: datetime | None
