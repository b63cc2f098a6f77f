"""One feed of the bus for all viewers of this process: each event is encoded once.

A slow viewer loses old readings, never a state, an alert or a command; one that stays behind is
closed with a code, and may resume by `seq`.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import nats.errors
import orjson
from nats.js.errors import Error as JetStreamError

from common.bus import Bus, Event, Resync
from common.viewing import Message, Viewer
from printers import metrics

EVENTS: Final = (
    "gemba.printer.status.*",
    "gemba.printer.job.*",
    "gemba.printer.readings.*",
    "gemba.printer.command.*",
    "gemba.printer.removed.*",
    "gemba.alert.printer.*",
)
_DROPPABLE: Final = frozenset({"printer_readings"})
_RETRY_S: Final = 1.0
_log = logging.getLogger("feed")


def encode(event: Event) -> Message:
    """An event as viewers get it, with its place in the stream."""
    return Message(
        seq=event.seq,
        text=orjson.dumps({**event.data, "seq": event.seq}).decode(),
        kind=str(event.data.get("type", "")),
        about=str(event.data.get("printer_id", "")),
    )


class Feed:
    """Hands events to viewers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._viewers: set[Viewer] = set()
        self._seq: int | None = None

    @contextmanager
    def joined(self, printer_id: str | None) -> Iterator[Viewer]:
        """A viewer of one printer, or of all, until the block ends."""
        viewer = Viewer(_DROPPABLE, about=printer_id)
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
                    if not self._viewers:
                        continue
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
