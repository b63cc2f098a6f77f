"""Log lines on their way to the cluster service: bounded, so that a flood harms nobody.

What is over the budget is counted and stays on standard error only. Warnings and errors have a
budget and room of their own: a flood of small talk does not hide them, nor while nobody takes it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson

from common.logs import JsonFormatter, redact, request_id

MOST_LINE_BYTES: Final = 16 * 1024
_MOST_LINES: Final = 5_000
_MOST_BYTES: Final = 4 * 1024 * 1024
# How much of that may be small talk.
_SMALL_TALK_SHARE: Final = 0.75
_LINES_PER_S: Final = 500.0
_BURST: Final = 2_000.0


class Budget:
    """A token bucket: `rate` a second, at most `burst` at once."""

    __slots__ = ("_burst", "_clock", "_left", "_rate", "_seen")

    def __init__(
        self, *, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._clock = clock
        self._seen = clock()

    def take(self, count: float = 1.0) -> bool:
        """True when there is room for so many more."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < count:
            return False
        self._left -= count
        return True


class LogBuffer(logging.Handler):
    """Keeps lines until they are taken; what does not fit is dropped and counted."""

    def __init__(self, component: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter(component))
        self._component = component
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._small_talk = Budget(rate=_LINES_PER_S, burst=_BURST, clock=clock)
        self._warnings = Budget(rate=_LINES_PER_S / 2, burst=_BURST / 2, clock=clock)
        self._newly_dropped = 0
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record's line; never raises into the caller's code."""
        is_small_talk = record.levelno < logging.WARNING
        budget = self._small_talk if is_small_talk else self._warnings
        if not budget.take() or self._is_full(_SMALL_TALK_SHARE if is_small_talk else 1.0):
            self.dropped += 1
            self._newly_dropped += 1
            return
        try:
            line = self.format(record).encode()
            if len(line) > MOST_LINE_BYTES:
                line = self._cut(record)
        except (TypeError, ValueError):
            self.handleError(record)
            return
        self._lines.append(line)
        self._bytes += len(line)

    def _is_full(self, share: float) -> bool:
        return len(self._lines) >= share * _MOST_LINES or self._bytes >= share * _MOST_BYTES

    def _cut(self, record: logging.LogRecord) -> bytes:
        message = redact(record.getMessage())[: MOST_LINE_BYTES // 4]
        body: dict[str, Any] = {
            "timestamp": _stamp(record.created),
            "level": record.levelname,
            "component": self._component,
            "message": f"{message} … (cut short)",
            "request_id": request_id.get(),
        }
        return orjson.dumps(body)

    def take(self, most_bytes: int) -> tuple[list[bytes], int]:
        """The oldest lines up to so many bytes, and how many were dropped since the last call."""
        self.acquire()
        try:
            taken: list[bytes] = []
            size = 0
            while self._lines and (not taken or size + len(self._lines[0]) <= most_bytes):
                line = self._lines.popleft()
                size += len(line) + 1
                self._bytes -= len(line)
                taken.append(line)
            dropped, self._newly_dropped = self._newly_dropped, 0
            return taken, dropped
        finally:
            self.release()


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
