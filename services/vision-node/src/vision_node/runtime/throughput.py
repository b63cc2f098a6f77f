"""What this node got done in the last hour, for its heartbeats."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from common.schemas.vision import PerformanceMetrics

_WINDOW_S: Final = 3600.0
_MOST: Final = 100_000


class Throughput:
    """Finished inspections of the last hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._finished: deque[tuple[float, float, bool]] = deque(maxlen=_MOST)

    def add(self, seconds: float, *, is_success: bool) -> None:
        """An inspection has come to its end after so long."""
        self._finished.append((self._clock(), seconds, is_success))

    def figures(self) -> PerformanceMetrics:
        """Count, mean time and success rate."""
        since = self._clock() - _WINDOW_S
        recent = [entry for entry in self._finished if entry[0] >= since]
        if not recent:
            return PerformanceMetrics(inspections_per_hour=0.0)
        times = [seconds for _, seconds, _ in recent]
        successes = sum(is_success for _, _, is_success in recent)
        return PerformanceMetrics(
            inspections_per_hour=float(len(recent)),
            average_processing_time=round(sum(times) / len(times), 6),
            success_rate=round(100 * successes / len(recent), 2),
        )
