"""Workers, zones and cameras on the wire (contract, `tracking.md` and chapter 6)."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from tracking.schemas.wire import Label, NewId, Reference, Title, Wire

_RESOLUTION: Final = re.compile(r"(\d{2,5})[x×](\d{2,5})")
_SCHEMES: Final = frozenset({"rtsp", "rtsps", "http", "https", "file", ""})
_NETWORK: Final = frozenset({"rtsp", "rtsps", "http", "https"})
_SECRET: Final = re.compile(r"(?i)pass|pwd|token|secret|key|auth|user|login")
LARGEST_PX: Final = 16_384

Stations = Annotated[list[Reference], Field(max_length=200)]


class StationAssignments(Wire):
    """Zones that a worker prefers and may work in; they need not exist yet."""

    preferred: Stations = Field(default_factory=list)
    certified: Stations = Field(default_factory=list)


class WorkerDraft(Wire):
    """A worker as somebody registers one."""

    worker_id: NewId
    name: Title
    badge_id: Reference | None = None
    shift: Label | None = None
    skill_level: Label | None = None
    station_assignments: StationAssignments = Field(default_factory=StationAssignments)


class WorkerPatch(Wire):
    """Fields of a worker to change; what is not named stays."""

    name: Title = ""
    badge_id: Reference | None = None
    shift: Label | None = None
    skill_level: Label | None = None
    station_assignments: StationAssignments = Field(default_factory=StationAssignments)
    active: StrictBool = True


class WorkerView(Wire):
    """A worker."""

    worker_id: str
    name: str
    badge_id: str | None
    shift: str | None
    skill_level: str | None
    station_assignments: StationAssignments
    active: StrictBool
    created_at: datetime
    updated_at: datetime


class WorkerStatistics(Wire):
    """What all sessions of a worker say; null where there is nothing to divide by."""

    total_sessions: int
    total_active_hours: float
    total_idle_hours: float
    total_unseen_hours: float
    productivity_score: float | None
    attendance_rate: float | None


class WorkerDetail(WorkerView):
    """A worker and their statistics."""

    statistics: WorkerStatistics


class WorkerList(Wire):
    """A page of workers."""

    total: int
    limit: int
    offset: int
    workers: list[WorkerView]


Corner = Annotated[list[float], Field(min_length=2, max_length=2)]
Corners = Annotated[list[Corner], Field(max_length=1000)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
Count = Annotated[int, Field(ge=0, le=10_000)]


class ZoneDraft(Wire):
    """A zone as somebody draws it; the order of the corners is kept."""

    zone_id: NewId
    camera_id: Reference
    name: Title
    zone_type: Annotated[Label, Field(min_length=1)] = "work_area"
    color: Color = "#00FF00"
    polygon_coords: Corners
    min_workers: Count = 0
    max_workers: Count | None = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        check_range(self.min_workers, self.max_workers)
        return self


def check_range(min_workers: int, max_workers: int | None) -> None:
    """Refuse a least number above the most.

    Raises:
        PydanticCustomError: it is.
    """
    if max_workers is not None and min_workers > max_workers:
        raise PydanticCustomError("range", "min_workers must not be above max_workers.")


class ZonePatch(Wire):
    """Fields of a zone to change; what is not named stays."""

    camera_id: Reference = ""
    name: Title = ""
    zone_type: Annotated[Label, Field(min_length=1)] = ""
    color: Color = ""
    polygon_coords: Corners = Field(default_factory=list)
    min_workers: Count = 0
    max_workers: Count | None = None
    active: StrictBool = True


class ZoneView(Wire):
    """A zone and how many people are in it."""

    zone_id: str
    camera_id: str
    name: str
    zone_type: str
    color: str
    polygon_coords: list[list[float]]
    min_workers: int
    max_workers: int | None
    active: StrictBool
    current_occupancy: int
    created_at: datetime
    updated_at: datetime


class ZoneList(Wire):
    """All zones that were asked for."""

    total: int
    zones: list[ZoneView]


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise PydanticCustomError("rtsp_url", "Is no address.") from error
    if parts.scheme not in _SCHEMES or any(ord(c) < 32 for c in text):
        raise PydanticCustomError(
            "rtsp_url", "Must be rtsp://, http(s):// or the path of a video in an allowed folder."
        )
    if parts.scheme in _NETWORK and not parts.hostname:
        raise PydanticCustomError("rtsp_url", "Names no host.")
    return text


def without_credentials(text: str) -> str:
    """The address as it may be shown: no user, no password, no secret in its query."""
    parts = urlsplit(text)
    if parts.scheme not in _NETWORK:
        return text
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, "***" if _SECRET.search(name) else value) for name, value in pairs]
    query = urlencode(kept, safe="*") if kept != pairs else parts.query
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


def size_of(text: str) -> tuple[int, int]:
    """Width and height of a resolution as the document writes it, `1920x1080`.

    Raises:
        PydanticCustomError: it is none.
    """
    match = _RESOLUTION.fullmatch(text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (min(size) >= 16 and max(size) <= LARGEST_PX):
        raise PydanticCustomError(
            "resolution", f"Must be WIDTHxHEIGHT, each from 16 to {LARGEST_PX}."
        )
    return size


def _resolution(text: str) -> str:
    width, height = size_of(text)
    return f"{width}x{height}"


Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    AfterValidator(_address),
]
Resolution = Annotated[str, Field(max_length=20), AfterValidator(_resolution)]
Fps = Annotated[float, Field(gt=0, le=240)]


class CameraDraft(Wire):
    """A camera as somebody adds it."""

    camera_id: NewId
    name: Title
    rtsp_url: Address
    location: Label = ""
    resolution: Resolution = "1920x1080"
    fps: Fps = 30


class CameraPatch(Wire):
    """Fields of a camera to change; what is not named stays."""

    name: Title = ""
    rtsp_url: Address = ""
    location: Label = ""
    resolution: Resolution = ""
    fps: Fps = 30
    active: StrictBool = True


class StreamView(Wire):
    """How the camera is kept running."""

    state: str
    inspection_id: str | None
    error: str | None
    next_try_at: datetime | None


class CameraView(Wire):
    """A camera; its address without credentials."""

    camera_id: str
    name: str
    rtsp_url: str
    has_credentials: StrictBool
    location: str
    status: str
    resolution: str
    fps: float
    last_seen_at: datetime | None
    zones_count: int
    active: StrictBool
    stream: StreamView | None
    created_at: datetime
    updated_at: datetime


class CameraAddress(Wire):
    """Where a camera is reached, credentials included; for vision nodes only."""

    address: str


class CameraList(Wire):
    """All cameras that were asked for."""

    total: int
    cameras: list[CameraView]


def given(patch: Wire) -> dict[str, Any]:
    """What a patch names."""
    return patch.model_dump(exclude_unset=True)
