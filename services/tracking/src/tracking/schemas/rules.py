"""The schedule and the alert rules on the wire (contract, chapter 6)."""

from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tracking.schemas.wire import Title, Wire

_DAY_MINUTES = 24 * 60
Severity = Literal["info", "warning", "critical"]
RuleName = Literal[
    "idle_threshold",
    "excessive_idle",
    "zone_empty",
    "understaffed",
    "overcrowded",
    "productivity_drop",
    "camera_offline",
]


def _clock(text: str) -> str:
    time.fromisoformat(text)
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError("timezone", "There is no time zone of this name.") from error
    return name


Clock = Annotated[
    str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), AfterValidator(_clock)
]


class Shift(Wire):
    """A shift; one that ends before it starts goes over midnight and counts to its first day."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Title
    start: Clock
    end: Clock
    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)] = (
        Field(default_factory=lambda: [1, 2, 3, 4, 5, 6, 7], description="1 is Monday.")
    )


class Schedule(Wire):
    """The factory's day: indices (takts) from `index_start`, and shifts, in a named zone."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    timezone: Annotated[str, Field(max_length=100), AfterValidator(_zone)] = "UTC"
    index_start: Clock = "08:00"
    index_minutes: int = Field(57, ge=1, le=_DAY_MINUTES)
    total_indices: int = Field(11, ge=1, le=1000)
    shifts: list[Shift] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.index_minutes * self.total_indices > _DAY_MINUTES:
            raise PydanticCustomError("indices", "The indices are longer than a day.")
        names = [shift.name for shift in self.shifts]
        if len(set(names)) != len(names):
            raise PydanticCustomError("shifts", "Two shifts have the same name.")
        if any(shift.start == shift.end for shift in self.shifts):
            raise PydanticCustomError("shifts", "A shift must not end when it starts.")
        return self


Times = Annotated[float, Field(ge=0, le=86_400)]


class Rule(Wire):
    """One rule; its severity is its alert's."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    enabled: StrictBool = True
    severity: Severity = "warning"


class TimedRule(Rule):
    """A rule that holds after so many seconds."""

    seconds: Times = 300


class WorkingRule(TimedRule):
    """One that may hold only within the schedule's indices and shifts."""

    working_time_only: StrictBool = True


class DropRule(Rule):
    """Productivity against the zone's own history."""

    z_score: float = Field(3.0, gt=0, le=100)


class RuleSet(Wire):
    """Every rule by its name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    idle_threshold: TimedRule = TimedRule(seconds=60, severity="warning")
    excessive_idle: TimedRule = TimedRule(seconds=300, severity="critical")
    zone_empty: WorkingRule = WorkingRule(seconds=300, severity="critical")
    understaffed: WorkingRule = WorkingRule(seconds=300, severity="warning")
    overcrowded: TimedRule = TimedRule(seconds=30, severity="warning")
    productivity_drop: DropRule = DropRule(z_score=3, severity="warning")
    camera_offline: TimedRule = TimedRule(seconds=30, severity="critical")


class AlertRules(Wire):
    """The floor's times and distances, and its rules."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    entry_hold_seconds: Times = 1
    exit_hold_seconds: Annotated[float, Field(gt=0, le=3600)] = 3
    border_margin_px: float = Field(5, ge=0, le=1000)
    idle_motion: float = Field(0.15, ge=0, le=1)
    idle_after_seconds: Times = 10
    stitch_seconds: Times = 5
    session_timeout_seconds: Annotated[float, Field(ge=10, le=86_400)] = 1800
    rules: RuleSet = RuleSet()


def merged(present: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`change` laid over `present`, objects within objects; lists and values are replaced."""
    result = dict(present)
    for name, value in change.items():
        known = result.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        result[name] = merged(known or {}, value) if both else value
    return result
