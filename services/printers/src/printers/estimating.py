"""When a print will be done: pure arithmetic over what is known of it (contract, chapter 7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Source = Literal["printer", "progress", "history"]
# A printer that has told its remaining time once tells it again; after this long it is stale.
_FRESH_S: Final = 600.0
# Below these, a print has heated more than it has printed, and progress says nothing yet.
_LEAST_PROGRESS: Final = 1.0
_LEAST_ELAPSED_S: Final = 20.0
_LONGEST_S: Final = 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a job that is under way."""

    status: str
    progress: float
    printed_s: float
    remaining_s: float | None
    remaining_at: datetime | None
    updated_at: datetime
    usual_s: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """When it will be done, and what that was taken from."""

    at: datetime
    source: Source


def estimate(known: Known, now: datetime) -> Estimate | None:
    """The printer's own remaining time, else progress so far, else earlier prints of the file."""
    if known.status not in ("pending", "preparing", "printing", "paused"):
        return None
    for remaining_s, since, source in _candidates(known):
        if remaining_s is not None and 0 <= remaining_s <= _LONGEST_S:
            start = since if known.status == "printing" else now
            return Estimate(max(now, start + timedelta(seconds=remaining_s)), source)
    return None


def _candidates(known: Known) -> list[tuple[float | None, datetime, Source]]:
    told = known.remaining_at
    is_fresh = told is not None and (known.updated_at - told).total_seconds() <= _FRESH_S
    return [
        (known.remaining_s if is_fresh else None, told or known.updated_at, "printer"),
        (_by_progress(known), known.updated_at, "progress"),
        (_by_history(known), known.updated_at, "history"),
    ]


def _by_progress(known: Known) -> float | None:
    if known.progress < _LEAST_PROGRESS or known.printed_s < _LEAST_ELAPSED_S:
        return None
    return known.printed_s * (100.0 - known.progress) / known.progress


def _by_history(known: Known) -> float | None:
    return None if known.usual_s is None else max(0.0, known.usual_s - known.printed_s)
