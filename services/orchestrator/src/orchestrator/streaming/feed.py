"""One feed of the bus for all viewers of this process: each event is encoded once."""

import asyncio
import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError

from common.bus import Bus, Event, Resync
from orchestrator import metrics
from orchestrator.events import FRAME_NAME, FRAME_SUBJECT, WATCHED_SUBJECT
from orchestrator.ids import plain_key
from orchestrator.streaming.viewer import Message, Pictures, Viewer

EVENTS: Final = ("gemba.inspection.>", "gemba.machine.status.*")
_RETRY_S: Final = 1.0
_ANNOUNCE_S: Final = 5.0
_KEPT_FRAMES: Final = 64
_log = logging.getLogger("feed")


def encode(event: Event) -> Message:
    """An event as viewers get it, with its place in the stream."""
    data = event.data
    body = {**data, "seq": event.seq}
    return Message(
        seq=event.seq,
        text=orjson.dumps(body).decode(),
        kind=str(data.get("type", "")),
        inspection_id=str(data.get("inspection_id") or ""),
        machine_id=str(data.get("machine_id") or ""),
        data=data.get("data") or {},
    )


class Feed:
    """Hands events to viewers by inspection and by machine, and keeps the latest frames."""

    def __init__(self, bus: Bus, *, viewer_queue: int) -> None:
        self._bus = bus
        self._viewer_queue = viewer_queue
        self._viewers: defaultdict[str, set[Viewer]] = defaultdict(set)
        self._frames: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._watched_until: dict[str, float] = {}
        self._seq: int | None = None
        self._announce = asyncio.Event()

    @contextmanager
    def joined(self, key: str, *, pictures: Pictures) -> Iterator[Viewer]:
        """A viewer of one inspection or machine, from now on until the block ends."""
        viewer = Viewer(size=self._viewer_queue, pictures=pictures)
        self._viewers[key].add(viewer)
        metrics.VIEWERS.inc()
        if pictures != "none":
            self._announce.set()
        try:
            yield viewer
        finally:
            metrics.VIEWERS.dec()
            self._viewers[key].discard(viewer)
            if not self._viewers[key]:
                del self._viewers[key]

    def watched(self) -> Collection[str]:
        """What somebody watches with pictures, on any replica: ids; plain ones by `plain_key`."""
        now = time.monotonic()
        return {key for key, until in self._watched_until.items() if until > now}

    def frame(self, inspection_id: str, name: str) -> bytes | None:
        """A frame that has just come by."""
        return self._frames.get((inspection_id, name))

    async def run(self) -> None:
        """Follow the bus for ever."""
        await self._bus.wait_connected()
        await self._bus.client.subscribe(f"{FRAME_SUBJECT}.*", cb=self._on_frame)
        await self._bus.client.subscribe(WATCHED_SUBJECT, cb=self._on_watched)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._announce_for_ever())
            tasks.create_task(self._follow_for_ever())

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                async for event in self._bus.events(*EVENTS, after=self._seq):
                    self._seq = event.seq
                    self._hand_out(encode(event))
            except Resync:
                self._seq = None
                for viewer in self._all():
                    viewer.resync()
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                _log.warning("the feed is interrupted: %r", error)
            await asyncio.sleep(_RETRY_S)

    def _hand_out(self, message: Message) -> None:
        for key in {message.inspection_id, message.machine_id} - {""}:
            for viewer in self._viewers.get(key, ()):
                viewer.offer(message)

    def _all(self) -> list[Viewer]:
        return [viewer for viewers in self._viewers.values() for viewer in viewers]

    async def _on_frame(self, message: Msg) -> None:
        inspection_id = message.subject.rsplit(".", 1)[-1]
        name = (message.headers or {}).get(FRAME_NAME, "")
        if any(viewer.pictures != "none" for viewer in self._all()):
            self._frames[inspection_id, name] = message.data
        while len(self._frames) > _KEPT_FRAMES:
            self._frames.popitem(last=False)

    async def _announce_for_ever(self) -> None:
        while True:
            keys = self._watched_here()
            if keys:
                with suppress(nats.errors.Error, OSError):
                    await self._bus.client.publish(WATCHED_SUBJECT, orjson.dumps(keys))
            self._announce.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._announce.wait(), _ANNOUNCE_S)

    def _watched_here(self) -> list[str]:
        wanted = {(key, one.pictures) for key, some in self._viewers.items() for one in some}
        drawn = [key for key, pictures in wanted if pictures == "drawn"]
        return drawn + [plain_key(key) for key, pictures in wanted if pictures == "plain"]

    async def _on_watched(self, message: Msg) -> None:
        now = time.monotonic()
        keys: Any = orjson.loads(message.data)
        self._watched_until = {
            key: until for key, until in self._watched_until.items() if until > now
        }
        self._watched_until.update(dict.fromkeys(keys, now + 2 * _ANNOUNCE_S))
