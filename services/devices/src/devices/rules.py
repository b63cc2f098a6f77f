"""Rules over readings, as pure functions of the readings' own time (DESIGN, idea 7).

`advance` is given what is new and returns what has changed; nothing here reads a clock.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Severity = Literal["info", "warning", "critical"]
_Limit = Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)]
_DAY_S: Final = 86_400.0


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Threshold(_Parameters):
    """Breached above or below a limit for a while; clear once it is back by the hysteresis."""

    kind: Literal["threshold"] = "threshold"
    metric: str = Field(min_length=1, max_length=100)
    above: _Limit | None = None
    below: _Limit | None = None
    hysteresis: float = Field(0, ge=0, le=1e10, allow_inf_nan=False)
    duration_seconds: float = Field(0, ge=0, le=_DAY_S)

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("above or below is required")
        if self.above is not None and self.below is not None and self.below >= self.above:
            raise ValueError("below must be less than above")
        return self

    def is_breached(self, value: float) -> bool:
        """True outside of the limits."""
        return (self.above is not None and value > self.above) or (
            self.below is not None and value < self.below
        )

    def is_clear(self, value: float) -> bool:
        """True inside of the limits by the hysteresis."""
        return (self.above is None or value <= self.above - self.hysteresis) and (
            self.below is None or value >= self.below + self.hysteresis
        )

    def message(self, value: float) -> str:
        """What the alert says."""
        if self.above is not None and value > self.above:
            return f"{self.metric} is {value:g}, above {self.above:g}"
        return f"{self.metric} is {value:g}, below {self.below:g}"


class RateOfChange(_Parameters):
    """Breached when a metric changes faster, up or down, than so much a minute."""

    kind: Literal["rate"] = "rate"
    metric: str = Field(min_length=1, max_length=100)
    per_minute: float = Field(gt=0, le=1e10, allow_inf_nan=False)
    hysteresis: float = Field(0, ge=0, le=1e10, allow_inf_nan=False)
    duration_seconds: float = Field(0, ge=0, le=_DAY_S)

    def is_breached(self, value: float) -> bool:
        """True for a faster change."""
        return abs(value) > self.per_minute

    def is_clear(self, value: float) -> bool:
        """True once it is slower by the hysteresis."""
        return abs(value) <= self.per_minute - self.hysteresis

    def message(self, value: float) -> str:
        """What the alert says."""
        return f"{self.metric} changes by {value:g} a minute, more than {self.per_minute:g}"


class Silence(_Parameters):
    """Breached when the device is silent for so many of its own intervals."""

    kind: Literal["silence"] = "silence"
    intervals: float = Field(3, ge=1, le=1000)
    at_least_seconds: float = Field(60, ge=1, le=30 * _DAY_S)

    def message(self, silent_s: float) -> str:
        """What the alert says."""
        return f"silent for {silent_s:.0f} s"


RuleParameters = Annotated[Threshold | RateOfChange | Silence, Field(discriminator="kind")]


class Transition(NamedTuple):
    """An alert begins (with what it says) or ends (without)."""

    at: datetime
    value: float
    message: str | None


class Progress(NamedTuple):
    """What a rule remembers between readings; plain JSON."""

    state: dict[str, Any]
    transitions: list[Transition]


def advance(
    rule: Threshold | RateOfChange,
    state: dict[str, Any],
    readings: Iterable[tuple[datetime, float]],
    *,
    is_open: bool,
) -> Progress:
    """Take readings in the order of their time; what is remembered, and what has changed."""
    since = state.get("breached_since")
    breached_since = datetime.fromisoformat(since) if since else None
    previous = _previous(state)
    transitions: list[Transition] = []
    for at, reading in readings:
        value: float | None = reading
        if isinstance(rule, RateOfChange):
            value = _per_minute(previous, (at, reading))
        previous = (at, reading)
        if value is None:
            continue
        if rule.is_breached(value):
            breached_since = breached_since or at
            held_s = (at - breached_since).total_seconds()
            if not is_open and held_s >= rule.duration_seconds:
                is_open = True
                transitions.append(Transition(breached_since, value, rule.message(value)))
        else:
            breached_since = None
            if is_open and rule.is_clear(value):
                is_open = False
                transitions.append(Transition(at, value, None))
    return Progress(_remembered(breached_since, previous), transitions)


def _previous(state: dict[str, Any]) -> tuple[datetime, float] | None:
    last = state.get("previous")
    return (datetime.fromisoformat(last[0]), float(last[1])) if last else None


def _per_minute(
    previous: tuple[datetime, float] | None, current: tuple[datetime, float]
) -> float | None:
    if previous is None:
        return None
    elapsed_s = (current[0] - previous[0]).total_seconds()
    return (current[1] - previous[1]) / elapsed_s * 60 if elapsed_s > 0 else None


def _remembered(
    breached_since: datetime | None, previous: tuple[datetime, float] | None
) -> dict[str, Any]:
    state: dict[str, Any] = {}
    if breached_since is not None:
        state["breached_since"] = breached_since.isoformat()
    if previous is not None:
        state["previous"] = [previous[0].isoformat(), previous[1]]
    return state
