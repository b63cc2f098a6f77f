"""What waits for one WebSocket client: nothing while it keeps up, little while it does not.

A client that falls behind loses old readings and frames first; one that stays behind for what may
not be lost is closed with 1013, and may resume by `seq`.
"""

from collections import deque
from typing import Final

from cluster import metrics
from cluster.streaming.topics import Frame
from common.frames import FramedProtocol

TRY_AGAIN: Final = 1013
_MOST_WAITING: Final = 512
_MOST_WAITING_BYTES: Final = 4 * 1024 * 1024
_LINGER_S: Final = 2.0


class Viewer:
    """One client, by its protocol: frames go to it without a task of its own."""

    def __init__(self, protocol: FramedProtocol, topics: frozenset[str]) -> None:
        self._protocol = protocol
        self._waiting: deque[Frame] = deque()
        self._bytes = 0
        self._is_held = False
        self._is_dropped = False
        # The newest event that was replayed; the hub may be behind it, and tell it once more.
        self._replayed = 0
        self.topics = topics
        protocol.on_room = self._flush

    def offer(self, frame: Frame) -> None:
        """Send a frame now if the client keeps up, else keep it for a while."""
        if frame.is_of_stream and frame.seq <= self._replayed:
            return
        protocol = self._protocol
        if not self._waiting and not self._is_held and protocol.has_room:
            if protocol.is_open:
                protocol.write_frame(frame.payload)
            return
        if self._is_dropped:
            return
        self._waiting.append(frame)
        self._bytes += len(frame.payload)
        while len(self._waiting) > _MOST_WAITING or self._bytes > _MOST_WAITING_BYTES:
            if not self._drop_one():
                self._give_up()
                return

    def _drop_one(self) -> bool:
        for index, frame in enumerate(self._waiting):
            if frame.is_droppable:
                del self._waiting[index]
                self._bytes -= len(frame.payload)
                return True
        return False

    def _give_up(self) -> None:
        self._is_dropped = True
        self._waiting.clear()
        self._bytes = 0
        metrics.VIEWERS_DROPPED.inc()
        self._protocol.drop(TRY_AGAIN, reason="too slow", linger_s=_LINGER_S)

    def hold(self) -> None:
        """Keep what comes, until what came before has been sent."""
        self._is_held = True

    def release(self, *, after: int) -> None:
        """Send what was held, but for what was replayed already."""
        self._is_held = False
        self._replayed = after
        self._waiting = deque(f for f in self._waiting if f.seq > after or not f.is_of_stream)
        self._bytes = sum(len(frame.payload) for frame in self._waiting)
        self._flush()

    def resync(self, note: Frame) -> None:
        """Tell the client that events are gone; the stream may begin anew."""
        self._replayed = 0
        self.offer(note)

    def _flush(self) -> None:
        protocol = self._protocol
        if self._is_held:
            return
        while self._waiting and protocol.has_room and protocol.is_open:
            frame = self._waiting.popleft()
            self._bytes -= len(frame.payload)
            protocol.write_frame(frame.payload)

    def leave(self) -> None:
        """Send nothing more."""
        self._protocol.on_room = None
        self._waiting.clear()
