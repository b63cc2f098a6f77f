"""Does a result count? Pure: decided by the lease alone (contract, chapter 5)."""

from dataclasses import dataclass
from enum import Enum

from common.schemas.vision import ResultReport


class Verdict(Enum):
    """What a report does to its inspection."""

    PROGRESS = "progress"
    COMPLETE = "complete"
    FAIL = "fail"
    GIVEN_BACK = "given_back"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LATE = "late"
    STRANGER = "stranger"

    @property
    def is_accepted(self) -> bool:
        """True when the report changed the inspection as its sender meant it."""
        return self in _ACCEPTED


_ACCEPTED = frozenset(
    {
        Verdict.PROGRESS,
        Verdict.COMPLETE,
        Verdict.FAIL,
        Verdict.GIVEN_BACK,
        Verdict.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds an inspection now, by which lease, and in which state it is."""

    status: str
    machine_id: str | None
    lease_token: str | None
    attempt: int


def holds_lease(report: ResultReport, holding: Holding) -> bool:
    """True when the report comes under the current lease.

    A machine that speaks only the documented fields shows no token; then it must be the machine
    that holds the lease, and name no other attempt.
    """
    if holding.lease_token is None or report.machine_id != holding.machine_id:
        return False
    if report.attempt not in (None, holding.attempt):
        return False
    return report.lease_token in (None, holding.lease_token)


def judge(report: ResultReport, holding: Holding, *, has_held: bool) -> Verdict:
    """What the report does; `has_held` says that its machine had a lease of it at any time."""
    if not holds_lease(report, holding):
        return Verdict.LATE if has_held else Verdict.STRANGER
    if holding.status == "cancelled":
        return _AFTER_CANCEL[report.status]
    if report.status == "cancelled" and report.lease_token is not None:
        # Nobody cancelled it: our node gives it back, because it has to stop.
        return Verdict.GIVEN_BACK
    return _RUNNING[report.status]


_RUNNING = {
    "processing": Verdict.PROGRESS,
    "completed": Verdict.COMPLETE,
    "failed": Verdict.FAIL,
    "cancelled": Verdict.CANCELLED,
}
# The user has had an answer already: only the summary of what was cancelled is still welcome.
_AFTER_CANCEL = {
    "processing": Verdict.LATE,
    "completed": Verdict.RELEASED,
    "failed": Verdict.RELEASED,
    "cancelled": Verdict.CANCELLED,
}
