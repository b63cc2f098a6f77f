"""One viewer's bounded queue: a slow one loses old frames, never a result (contract, chapter 5)."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from orchestrator import metrics

Pictures = Literal["none", "drawn", "plain"]
_FRAME: Final = "frame_result"


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded event."""

    seq: int
    text: str
    kind: str
    inspection_id: str
    machine_id: str
    data: dict[str, Any] = field(default_factory=dict)


class Overrun(Exception):
    """A viewer is too slow even for what is never dropped; it may resume by `seq`."""


class Stale(Exception):
    """Events were lost on the way: the viewer must fetch the present state."""


class Viewer:
    """What waits for one socket."""

    def __init__(self, *, size: int, pictures: Pictures = "none") -> None:
        self.pictures = pictures
        self._size = size
        self._waiting: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._is_overrun = False
        self._is_stale = False

    def offer(self, message: Message) -> None:
        """Add an event; when there is no room, the oldest frame makes it."""
        if len(self._waiting) >= self._size and not self._drop_a_frame():
            if message.kind == _FRAME:
                metrics.FRAMES_DROPPED.inc()
                return
            self._is_overrun = True
        else:
            self._waiting.append(message)
        self._changed.set()

    def _drop_a_frame(self) -> bool:
        for index, waiting in enumerate(self._waiting):
            if waiting.kind == _FRAME:
                del self._waiting[index]
                metrics.FRAMES_DROPPED.inc()
                return True
        return False

    def resync(self) -> None:
        """Note that events were lost before they came here."""
        self._is_stale = True
        self._changed.set()

    async def next(self) -> Message:
        """The next event, as soon as there is one.

        Raises:
            Overrun: there was no room for something that may not be dropped.
            Stale: the feed had a gap.
        """
        while not self._waiting:
            if self._is_overrun:
                raise Overrun
            if self._is_stale:
                self._is_stale = False
                raise Stale
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()
