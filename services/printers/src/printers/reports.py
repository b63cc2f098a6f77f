"""What a bridge says of its printer, whatever the protocol; pure (DESIGN, idea 6)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

PrinterState = Literal["idle", "preparing", "printing", "paused", "offline", "error"]
JobOutcome = Literal["completed", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Report:
    """One look at a printer; None where the protocol did not say.

    `outcome` is the end of the print that was under way, `began` says that a new one started,
    `gone` why nothing more is to be heard. `readings` have the names of the contract's metrics.
    """

    at: datetime
    state: PrinterState | None = None
    file: str | None = None
    progress: float | None = None
    began: bool = False
    outcome: JobOutcome | None = None
    message: str | None = None
    gone: str | None = None
    readings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_turn(self) -> bool:
        """True when it must not be merged with what comes after it."""
        return self.began or self.outcome is not None or self.gone is not None


def merged(before: Report, after: Report) -> Report:
    """Two reports without a turn as one: what is newer stands, what it left out stays."""
    return replace(
        after,
        state=after.state or before.state,
        file=after.file or before.file,
        progress=after.progress if after.progress is not None else before.progress,
        message=after.message or before.message,
        readings={**before.readings, **after.readings},
    )


Hear = Callable[[Report], Awaitable[None]]


class AuthFailed(Exception):
    """The printer's host answers, and refuses our key."""


class HostRefused(Exception):
    """The address is not one that a bridge may reach."""


class LinkBroken(Exception):
    """The printer's host does not answer, or not as its protocol says."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bridge goes and what it logs in with."""

    printer_id: str
    url: str
    credentials: dict[str, Any] = field(repr=False)

    @property
    def api_key(self) -> str:
        """The key by which OctoPrint and Moonraker know us."""
        return str(self.credentials.get("api_key", ""))
