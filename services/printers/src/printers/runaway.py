"""When a heater has left its target: too far, for too long, and not on its way back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

# A heater that comes this much nearer is heating or cooling as it should.
_PROGRESS_C: Final = 2.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Since when a heater is off, and the smallest gap since then, in degrees."""

    since: datetime
    gap_c: float


def gap_of(readings: Mapping[str, Any]) -> float | None:
    """The larger gap of hotend and bed, in degrees; None while nothing is to be heated."""
    gaps = [
        abs(float(readings[f"{heater}_temp"]) - float(readings[f"{heater}_target"]))
        for heater in ("hotend", "bed")
        if readings.get(f"{heater}_target") and readings.get(f"{heater}_temp") is not None
    ]
    return max(gaps, default=None)


def follow(
    before: Drift | None, gap_c: float | None, at: datetime, *, far_c: float
) -> Drift | None:
    """The drift after one more reading; None while all is well."""
    if gap_c is None or gap_c <= far_c:
        return None
    if before is None or gap_c <= before.gap_c - _PROGRESS_C:
        return Drift(at, gap_c)
    return before


def is_runaway(drift: Drift | None, at: datetime, *, after_s: float) -> bool:
    """True when it has lasted too long."""
    return drift is not None and (at - drift.since).total_seconds() >= after_s
