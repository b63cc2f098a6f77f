"""How a job takes an update: last by time stands, and progress never goes back unasked.

Pure: no database, no clock (contract, chapter 7, and the concurrency that users expect).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from printers.states import FINAL, JobStatus


class JobState(Protocol):
    """What of a job an update can change."""

    status: str
    progress: float
    message: str | None
    metrics: dict[str, Any]
    updated_at: datetime
    completed_at: datetime | None
    printing_since: datetime | None
    printed_s: float
    remaining_s: float | None
    remaining_at: datetime | None
    filament_used_mm: float


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody says of a job, and of which moment.

    `may_turn_back` is true when the sender vouches for lower progress: by a newer time of its own,
    or by saying so.
    """

    at: datetime
    status: JobStatus | None = None
    progress: float | None = None
    message: str | None = None
    readings: dict[str, Any] = field(default_factory=dict)
    may_turn_back: bool = False

    @property
    def given(self) -> list[str]:
        """The names of what it speaks of."""
        named = {
            "status": self.status,
            "progress": self.progress,
            "message": self.message,
            "metrics": self.readings or None,
        }
        return [name for name, value in named.items() if value is not None]


def advance(job: JobState, change: Change) -> list[str]:
    """Apply an update to an active job; the names of what was older than what is known."""
    if change.at < job.updated_at:
        return change.given
    ignored = []
    _count_time(job, change.at)
    if change.progress is not None:
        if change.progress < job.progress and not change.may_turn_back:
            ignored.append("progress")
        else:
            job.progress = change.progress
    if change.message is not None:
        job.message = change.message
    _take_readings(job, change)
    if change.status is not None:
        job.status = change.status
    job.updated_at = change.at
    _settle(job, change.at)
    return ignored


def _count_time(job: JobState, at: datetime) -> None:
    if job.printing_since is not None:
        job.printed_s += max(0.0, (at - job.printing_since).total_seconds())
        job.printing_since = at


def _take_readings(job: JobState, change: Change) -> None:
    if not change.readings:
        return
    job.metrics = {**job.metrics, **change.readings}
    remaining_s = change.readings.get("print_time_remaining_seconds")
    if remaining_s is not None:
        job.remaining_s, job.remaining_at = float(remaining_s), change.at
    used_mm = change.readings.get("filament_used_mm")
    if used_mm is not None:
        job.filament_used_mm = max(job.filament_used_mm, float(used_mm))


def _settle(job: JobState, at: datetime) -> None:
    if job.status in FINAL:
        job.completed_at, job.printing_since = at, None
        if job.status == "completed":
            job.progress = 100.0
        return
    has_begun = job.status in ("pending", "preparing") and job.progress > 0
    if job.status == "printing" or has_begun:
        job.printing_since = job.printing_since or at
    else:
        job.printing_since = None


def widened(
    points: list[tuple[int, datetime, dict[str, Any]]],
) -> list[tuple[int, datetime, dict[str, Any]]]:
    """The same history in points twice as wide: temperatures and rates as means, counts as last."""
    merged: dict[int, tuple[int, datetime, dict[str, Any]]] = {}
    for bucket, at, readings in points:
        wide = bucket // 2
        if wide not in merged:
            merged[wide] = (wide, at, dict(readings))
            continue
        _, earlier, before = merged[wide]
        merged[wide] = (wide, max(earlier, at), _merged(before, readings))
    return list(merged.values())


def _merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    both = {**before, **after}
    for name in before.keys() & after.keys():
        if name.endswith(("_temp", "speed_percentage")):
            both[name] = round((before[name] + after[name]) / 2, 2)
    return both
