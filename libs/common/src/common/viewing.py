"""What waits for one WebSocket viewer: bounded, and fair to what must not be lost.

A slow viewer loses the oldest of what may be dropped; one that stays behind is told so, and may
resume by `seq`.
"""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

_MOST_WAITING: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded event; `about` names the thing that it tells of, where viewers choose one."""

    seq: int
    text: str
    kind: str
    about: str = ""


class Overrun(Exception):
    """A viewer is too slow even for what is never dropped; it may resume by `seq`."""


class Stale(Exception):
    """Events were lost on the way: the viewer must fetch the present state."""


class _Told(Protocol):
    @property
    def kind(self) -> str: ...


_Message = TypeVar("_Message", bound=_Told)


class Waiting(Generic[_Message]):
    """What waits for one socket."""

    def __init__(self, droppable: Collection[str], *, size: int = _MOST_WAITING) -> None:
        """Hold so many messages of kinds that may be dropped or not."""
        self._droppable = droppable
        self._size = size
        self._waiting: deque[_Message] = deque()
        self._changed = asyncio.Event()
        self._is_overrun = False
        self._is_stale = False

    def offer(self, message: _Message) -> None:
        """Add a message; when there is no room, the oldest that may be dropped makes it."""
        if len(self._waiting) < self._size or self._drop_one():
            self._waiting.append(message)
        elif message.kind in self._droppable:
            self.count_dropped()
        else:
            self._is_overrun = True
        self._changed.set()

    def _drop_one(self) -> bool:
        for index, waiting in enumerate(self._waiting):
            if waiting.kind in self._droppable:
                del self._waiting[index]
                self.count_dropped()
                return True
        return False

    def count_dropped(self) -> None:
        """Hear that a message was dropped; for those who count them."""

    def resync(self) -> None:
        """Note that events were lost before they came here."""
        self._is_stale = True
        self._changed.set()

    async def next(self) -> _Message:
        """The next message, as soon as there is one.

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


class Viewer(Waiting[Message]):
    """What waits for one socket that watches one thing, or all."""

    def __init__(self, droppable: Collection[str], *, about: str | None = None) -> None:
        """Hold events about one thing, or about all."""
        super().__init__(droppable)
        self._about = about

    def wants(self, message: Message) -> bool:
        """True when the event is about what this viewer watches."""
        return self._about in (None, message.about)

    def offer(self, message: Message) -> None:
        """Add an event that this viewer wants."""
        if self.wants(message):
            super().offer(message)
