"""Wire shapes of the registry and the readings (contract, `devices`), with their exact texts."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from devices.cadence import Connectivity

Status = Literal["active", "inactive", "maintenance", "error"]
STATUSES: Final[tuple[Status, ...]] = ("active", "inactive", "maintenance", "error")
LONGEST_NAME: Final = 255
_SHORTEST_NAME: Final = 3
_LONGEST_DESCRIPTION: Final = 10_000


def rfc3339(moment: datetime) -> str:
    """A UTC time with `Z`; fractions of a second only where there are any."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]


def _text(value: object) -> str:
    if value is None:
        raise PydanticCustomError("null", "This field may not be null.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("invalid", "Not a valid string.")
    return str(value).strip()


def _name(value: object) -> str:
    name = _text(value)
    if not name:
        raise PydanticCustomError("blank", "This field may not be blank.")
    if len(name) < _SHORTEST_NAME:
        raise PydanticCustomError("min_length", "Device name must be at least 3 characters long.")
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "max_length", "Ensure this field has no more than 255 characters."
        )
    return name


def _status(value: object) -> object:
    if value not in STATUSES:
        listed = ", ".join(STATUSES)
        raise PydanticCustomError(
            "invalid_choice", "Status must be one of: {listed}", {"listed": listed}
        )
    return value


def _description(value: object) -> str:
    description = _text(value)
    if len(description) > _LONGEST_DESCRIPTION:
        raise PydanticCustomError(
            "max_length", "Ensure this field has no more than 10000 characters."
        )
    return description


# A number is taken for its digits, as in Django's REST framework.
_TEXT: Final = ["string", "number"]
Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": _TEXT, "minLength": 3, "maxLength": LONGEST_NAME}),
]
Description = Annotated[
    str,
    BeforeValidator(_description),
    WithJsonSchema({"type": _TEXT, "maxLength": _LONGEST_DESCRIPTION}),
]
ValidStatus = Annotated[Status, BeforeValidator(_status)]


class _Body(BaseModel):
    """A body of which unknown and read-only fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _a_dictionary(cls, body: object) -> object:
        if not isinstance(body, dict):
            kind = type(body).__name__
            text = f"Invalid data. Expected a dictionary, but got {kind}."
            raise PydanticCustomError("invalid", "{text}", {"text": text})
        return body


class DeviceIn(_Body):
    """A new device, or the whole of an old one."""

    name: Name = Field(examples=["Sensor Temperatura 01"])
    status: ValidStatus = "active"
    description: Description = ""


def _without_default(schema: dict[str, Any]) -> None:
    """What is left out of a PATCH stays as it is: it has no default."""
    schema.pop("default", None)


class DevicePatch(_Body):
    """Some fields of a device."""

    name: Name = Field("", json_schema_extra=_without_default)
    status: ValidStatus = Field("active", json_schema_extra=_without_default)
    description: Description = Field("", json_schema_extra=_without_default)


class DeviceOut(BaseModel):
    """A device as the registry shows it."""

    id: int
    public_id: UUID
    name: str
    status: Status
    description: str
    created_at: Moment
    updated_at: Moment
    connectivity: Connectivity
    last_seen_at: Moment | None


class TokenOut(BaseModel):
    """A device token, shown this once."""

    token: str


class ReadingIn(BaseModel):
    """One reading; `timestamp` is the time of arrival when left out."""

    metric: str = Field(examples=["temperature"], max_length=100)
    value: float | str | bool = Field(examples=[25.5])
    unit: str | None = Field(None, examples=["°C"], max_length=32)
    timestamp: str | None = Field(None, examples=["2025-11-02T10:30:00Z"])


class Accepted(BaseModel):
    """How many readings are stored now."""

    accepted: int


class MeasurementOut(BaseModel):
    """A stored reading; `value` is text of ten decimals."""

    id: int
    device: int
    metric: str
    value: str
    unit: str
    timestamp: Moment
    quality: Literal["good", "late", "clock-skew"]


class Statistics(BaseModel):
    """Over the returned points; null when there are none."""

    mean: float | None
    max: float | None
    min: float | None


class AggregatedData(BaseModel):
    """The newest points and their statistics."""

    measurements: list[MeasurementOut]
    statistics: Statistics
    count: int


class LatestValue(BaseModel):
    """The newest value of a metric by the readings' own time."""

    value: str
    unit: str
    timestamp: Moment


class BucketOut(BaseModel):
    """Statistics over one bucket."""

    bucket: Moment
    mean: float
    min: float
    max: float
    count: int


class BucketedOut(BaseModel):
    """Points for a chart; empty buckets are left out."""

    metric: str
    unit: str
    bucket_seconds: int
    points: list[BucketOut]


class TokenIn(BaseModel):
    """What a device shows as its user name."""

    token: str = Field(max_length=200)


class TokenOwner(BaseModel):
    """Whose token it is."""

    device_id: int
    public_id: str
