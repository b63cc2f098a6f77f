"""One feed of the bus for all clients of this process; each event is encoded once."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError

from cluster import metrics
from cluster.streaming.topics import LOGS, SUBJECTS, Frame, frame_of, log_frame, note_frame
from cluster.streaming.viewer import Viewer
from common.bus import Bus, Resync
from common.frames import FramedProtocol
from common.schemas.mesh import LOGS_SUBJECT
from common.shipping import Budget

_RETRY_S: Final = 0.5
_LINES_PER_S: Final = 200.0
# After so many clients others get their turn.
_AT_A_STRETCH: Final = 250
_log = logging.getLogger("hub")


class Hub:
    """Hands events to viewers by topic."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._viewers: defaultdict[str, set[Viewer]] = defaultdict(set)
        self._everyone: set[Viewer] = set()
        self._lines = Budget(rate=_LINES_PER_S, burst=_LINES_PER_S)
        self._seq: int | None = None

    @property
    def seq(self) -> int:
        """The newest event's."""
        return self._seq or 0

    @contextmanager
    def joined(self, protocol: FramedProtocol, topics: frozenset[str]) -> Iterator[Viewer]:
        """A viewer of these topics until the block ends."""
        viewer = Viewer(protocol, frozenset())
        self._everyone.add(viewer)
        self.watch(viewer, topics)
        metrics.VIEWERS.inc()
        try:
            yield viewer
        finally:
            metrics.VIEWERS.dec()
            self.watch(viewer, frozenset())
            self._everyone.discard(viewer)
            viewer.leave()

    def watch(self, viewer: Viewer, topics: frozenset[str]) -> None:
        """Put these topics in place of the ones that the viewer watches."""
        for topic in viewer.topics - topics:
            self._viewers[topic].discard(viewer)
        for topic in topics - viewer.topics:
            self._viewers[topic].add(viewer)
        viewer.topics = topics

    async def replay(self, after: int) -> AsyncIterator[Frame]:
        """What is retained after this `seq`.

        Raises:
            Resync: some of it is no longer retained.
        """
        async for event in self._bus.replay(*SUBJECTS, after=after):
            frame = frame_of(event)
            if frame is not None:
                yield frame

    async def run(self) -> None:
        """Follow the bus for ever."""
        await self._bus.wait_connected()
        await self._bus.client.subscribe(f"{LOGS_SUBJECT}.*", cb=self._on_lines)
        while True:
            try:
                if self._seq is None:
                    self._seq = await self._bus.last_seq()
                async for event in self._bus.events(*SUBJECTS, after=self._seq):
                    self._seq = event.seq
                    frame = frame_of(event)
                    if frame is not None:
                        await self._hand_out(frame)
            except Resync:
                self._seq = None
                for viewer in self._everyone:
                    viewer.resync(note_frame("resync", seq=0))
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                _log.warning("the feed is interrupted: %r", error)
            await asyncio.sleep(_RETRY_S)

    async def _hand_out(self, frame: Frame) -> None:
        viewers = self._viewers.get(frame.topic)
        if not viewers:
            return
        metrics.FRAMES.inc(len(viewers))
        if len(viewers) <= _AT_A_STRETCH:
            for viewer in viewers:
                viewer.offer(frame)
            return
        for place, viewer in enumerate(list(viewers), start=1):
            viewer.offer(frame)
            if place % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)

    async def _on_lines(self, message: Msg) -> None:
        if not self._viewers.get(LOGS):
            return
        for raw in message.data.split(b"\n"):
            if raw and self._lines.take():
                with suppress(orjson.JSONDecodeError):
                    await self._hand_out(log_frame(orjson.loads(raw), seq=self.seq))
