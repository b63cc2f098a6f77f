"""The one log of the mesh: lines of every process, written by a thread that nothing waits for.

A terminal that stands still must stop neither a child nor its supervision, so lines wait in a
bounded queue; past a share of it a source's lines are dropped and counted, and the count is shown.
"""

import os
import threading
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Final

from gemba_local.log_lines import LineFormat, log_object

_QUEUE_LINES: Final = 8_192
_SHARE_LINES: Final = _QUEUE_LINES // 4


class Journal:
    """Writes lines to one descriptor, in the order in which they came."""

    def __init__(self, descriptor: int, line_format: LineFormat) -> None:
        self._descriptor = descriptor
        self.format: Final = line_format
        self._lines: deque[tuple[str, bytes]] = deque()
        self._waiting: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._thread.start()

    def line(self, source: str, line: bytes) -> None:
        """Take a line that a process wrote."""
        self._put(source, line)

    def note(self, message: str, *, level: str = "INFO") -> None:
        """Take a remark of the runner's own."""
        now = datetime.now(UTC)
        content = log_object(message, source="gemba", now=now, level=level)
        self._put("gemba", self.format.render_object("gemba", content), rendered=True)

    def block(self, text: str) -> None:
        """Take a text for the operator that is not a log line, as it is (in JSON a remark)."""
        if self.format.as_json:
            for row in filter(None, (row.strip() for row in text.splitlines())):
                self.note(row)
        else:
            self._put("gemba", text.encode(), rendered=True)

    def close(self, *, limit_s: float = 2.0) -> None:
        """Write out what waits, unless nobody reads it within the limit."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(limit_s)

    def _put(self, source: str, line: bytes, *, rendered: bool = False) -> None:
        if self._waiting[source] >= _SHARE_LINES or len(self._lines) >= _QUEUE_LINES:
            self._dropped[source] += 1
            return
        if not rendered:
            line = self.format.render(source, line, now=datetime.now(UTC))
        with self._changed:
            if dropped := self._dropped.pop(source, 0):
                self._lines.append((source, self._remark_of_loss(source, dropped)))
                self._waiting[source] += 1
            self._lines.append((source, line))
            self._waiting[source] += 1
            self._changed.notify()

    def _remark_of_loss(self, source: str, count: int) -> bytes:
        text = f"{count} lines of {source} were dropped: they came faster than they could be shown"
        now = datetime.now(UTC)
        content = log_object(text, source="gemba", now=now, level="WARNING")
        return self.format.render_object("gemba", content)

    def _write_all(self) -> None:
        while batch := self._next_batch():
            view = memoryview(b"".join(line + b"\n" for _, line in batch))
            while view:
                try:
                    view = view[os.write(self._descriptor, view) :]
                except BlockingIOError:
                    threading.Event().wait(0.05)
                except OSError:
                    break  # nobody reads any more; the mesh runs on

    def _next_batch(self) -> list[tuple[str, bytes]]:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closing)
            batch = [self._lines.popleft() for _ in range(min(len(self._lines), 256))]
            self._waiting.subtract(Counter(source for source, _ in batch))
            return batch
