"""One feed of the bus for all viewers of this process: each event is encoded once.

A slow viewer loses old metrics and zone states, never a session, an alert or an index; one that
stays behind is closed with a code, and may resume by `seq`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import nats.errors
import orjson
from nats.js.errors import Error as JetStreamError

from common.bus import Bus, Event, Resync
from tracking import metrics

EVENTS: Final = ("gemba.tracking.>", "gemba.alert.tracking.*")
_DROPPABLE: Final = frozenset({"metrics_update", "zone_update"})
_MOST_WAITING: Final = 1000
_RETRY_S: Final = 1.0
_log = logging.getLogger("feed")


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded event."""

    seq: int
    text: str
    kind: str


class Overrun(Exception):
    """A viewer is too slow even for what is never dropped."""


class Stale(Exception):
    """Events were lost on the way: the viewer must fetch the present state."""


def encode(event: Event) -> Message:
    """An event as viewers get it, with its place in the stream."""
    return Message(
        seq=event.seq,
        text=orjson.dumps({**event.data, "seq": event.seq}).decode(),
        kind=str(event.data.get("type", "")),
    )


class Viewer:
    """What waits for one socket."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._is_overrun = False
        self._is_stale = False

    def offer(self, message: Message) -> None:
        """Add an event; when there is no room, the oldest states make it."""
        if len(self._waiting) >= _MOST_WAITING and not self._drop_one():
            self._is_overrun = self._is_overrun or message.kind not in _DROPPABLE
        else:
            self._waiting.append(message)
        self._changed.set()

    def _drop_one(self) -> bool:
        for index, waiting in enumerate(self._waiting):
            if waiting.kind in _DROPPABLE:
                del self._waiting[index]
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


class Feed:
    """Hands events to viewers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._viewers: set[Viewer] = set()
        self._seq: int | None = None

    @contextmanager
    def joined(self) -> Iterator[Viewer]:
        """A viewer, until the block ends."""
        viewer = Viewer()
        self._viewers.add(viewer)
        metrics.VIEWERS.inc()
        try:
            yield viewer
        finally:
            metrics.VIEWERS.dec()
            self._viewers.discard(viewer)

    async def run(self) -> None:
        """Follow the bus for ever."""
        await self._bus.wait_connected()
        while True:
            try:
                async for event in self._bus.events(*EVENTS, after=self._seq):
                    self._seq = event.seq
                    message = encode(event)
                    for viewer in self._viewers:
                        viewer.offer(message)
            except Resync:
                self._seq = None
                for viewer in self._viewers:
                    viewer.resync()
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                _log.warning("the feed is interrupted: %r", error)
            await asyncio.sleep(_RETRY_S)
