"""How often a printer's reports are stored: turns at once, everything else every so often."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from printers.reports import Report, merged


@dataclass(slots=True)
class Throttle:
    """Stores turns and changes of state at once, and everything else every so often."""

    least_s: float
    clock: Callable[[], float] = time.monotonic
    stored_at: float = float("-inf")
    _pending: Report | None = None
    _state: str | None = None

    def take(self, report: Report) -> list[Report]:
        """What is to be stored now."""
        now = self.clock()
        if report.is_turn:
            before, self._pending = self._pending, None
            self.stored_at = now
            self._state = report.state or self._state
            return [report] if before is None else [before, report]
        whole = report if self._pending is None else merged(self._pending, report)
        is_new_state = report.state is not None and report.state != self._state
        if not is_new_state and now - self.stored_at < self.least_s:
            self._pending = whole
            return []
        self._pending, self.stored_at = None, now
        self._state = report.state or self._state
        return [whole]

    def due(self, now: float, *, within_s: float = float("inf")) -> Report | None:
        """What has waited long enough, when nothing came after it."""
        if self._pending is None or now - self.stored_at < min(self.least_s, within_s):
            return None
        pending, self._pending, self.stored_at = self._pending, None, now
        return pending
