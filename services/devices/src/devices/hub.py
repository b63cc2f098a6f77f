"""Live events for browsers: each encoded once, one bounded queue a client (DESIGN: an event)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any, Final

import nats.errors
import orjson
from nats.js.errors import Error as JetStreamError

from common.bus import Bus, Event, Resync
from devices.schemas import rfc3339

SUBJECTS: Final = ("gemba.device.>", "gemba.alert.*.>")
_MOST_WAITING: Final = 256
_RETRY_S: Final = 0.5
_log = logging.getLogger("hub")


class Frame:
    """One event, encoded."""

    __slots__ = ("device_id", "is_reading", "seq", "text")

    def __init__(self, event: Event) -> None:
        _, domain, kind, *_ = event.subject.split(".")
        name = f"{domain}_{kind}"
        self.seq = event.seq
        self.device_id = event.data.get("device_id") or event.data.get("id")
        self.is_reading = kind == "readings"
        body: dict[str, Any] = {
            "type": name,
            "seq": event.seq,
            "timestamp": rfc3339(event.timestamp),
            "data": event.data,
        }
        self.text = orjson.dumps(body).decode()


class Client:
    """What waits for one browser: old readings are dropped, anything else never."""

    def __init__(self, device_id: int | None) -> None:
        self._device_id = device_id
        self._frames: asyncio.Queue[Frame] = asyncio.Queue(_MOST_WAITING)
        self._changed = asyncio.Event()
        self.is_behind = False

    def wants(self, frame: Frame) -> bool:
        """True for events of its device, or of any when it asked for none."""
        return self._device_id is None or frame.device_id == self._device_id

    def offer(self, frame: Frame) -> None:
        """Queue a frame if there is room, or if it may not be lost."""
        self._changed.set()
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            if not frame.is_reading:
                self.is_behind = True
                return
            oldest = self._frames.get_nowait()
            self.is_behind = self.is_behind or not oldest.is_reading
            self._frames.put_nowait(frame)

    def give_up(self) -> None:
        """Let the browser be closed, also while nothing waits for it."""
        self.is_behind = True
        self._changed.set()

    async def next(self) -> Frame | None:
        """The next frame, in order; None when the browser is to be closed."""
        while self._frames.empty() and not self.is_behind:
            self._changed.clear()
            await self._changed.wait()
        return None if self.is_behind else self._frames.get_nowait()


class Hub:
    """One subscription to the bus for all browsers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._clients: set[Client] = set()
        self._seq: int | None = None

    @contextmanager
    def client(self, device_id: int | None) -> Any:
        """A client for as long as the block lasts."""
        client = Client(device_id)
        self._clients.add(client)
        try:
            yield client
        finally:
            self._clients.discard(client)

    async def replay(self, after: int) -> AsyncIterator[Frame]:
        """What is retained after this `seq`.

        Raises:
            Resync: some of it is no longer retained.
        """
        async for event in self._bus.replay(*SUBJECTS, after=after):
            if is_ours(event):
                yield Frame(event)

    async def run(self) -> None:
        """Hand events out until cancelled."""
        await self._bus.wait_connected()
        while True:
            try:
                if self._seq is None:
                    self._seq = await self._bus.last_seq()
                async for event in self._bus.events(*SUBJECTS, after=self._seq):
                    self._seq = event.seq
                    if self._clients and is_ours(event):
                        frame = Frame(event)
                        for client in self._clients:
                            if client.wants(frame):
                                client.offer(frame)
            except Resync:
                # Lost on the way: whoever watches comes again, and is told so then.
                self._seq = None
                for client in self._clients:
                    client.give_up()
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                _log.warning("events cannot be heard: %r", error)
            await asyncio.sleep(_RETRY_S)


def is_ours(event: Event) -> bool:
    """True for the registry's and the readings' events, and our own alerts."""
    if event.subject.startswith("gemba.alert."):
        return event.data.get("source") == "devices"
    return not event.subject.startswith("gemba.device.token_revoked.")
