"""A live inspection: frame after frame until it is cancelled or its video ends.

A thread of its own reads and waits; the tools run in the pool like those of any other inspection,
so that a stream takes no more than its turn. What was found goes to viewers through a bounded
queue that loses the oldest frame, never the summary.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from common.schemas.vision import ArtifactReport, NodeEvent
from vision_node.gateway import Away, Gateway, Refused
from vision_node.imaging import Frame
from vision_node.inspecting import Inspected, inspect_frames, inspect_stream
from vision_node.overlay import Overlay
from vision_node.pipeline.fitting import fit
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.runner import (
    Memories,
    RunCancelled,
    Stop,
    ToolFailed,
    new_memories,
)
from vision_node.rendering import encode, render
from vision_node.runtime.metrics import EVENTS_DROPPED, FRAMES, FRAMES_DROPPED, Meters
from vision_node.runtime.work import OVERLAY, Outcome, Work, report_of, tool_times
from vision_node.sources.opening import SourceAccess
from vision_node.summary import Summary

_MAX_EVENT_BYTES: Final = 400_000
_WAITING: Final = 64
_BATCH: Final = 16
_TELL_TIMEOUT_S: Final = 5.0
_SHARE_EVERY_S: Final = 1.0
_log = logging.getLogger("live")


@dataclass(frozen=True, slots=True)
class Told:
    """One frame on its way to viewers, with its drawn picture where somebody watches."""

    event: NodeEvent
    pictures: tuple[tuple[str, bytes], ...] = ()


class Viewers:
    """The way from the stream's thread to who watches; at most once, in order."""

    def __init__(self, gateway: Gateway, work: Work) -> None:
        self._gateway = gateway
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Told] = deque()
        self._changed = asyncio.Event()
        self._is_over = False
        self.wants_drawn = False
        self.wants_plain = False

    def tell(self, told: Told) -> None:
        """From any thread: put a frame in the queue."""
        self._loop.call_soon_threadsafe(self._add, told)

    def _add(self, told: Told) -> None:
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft()
            EVENTS_DROPPED.inc()
        self._waiting.append(told)
        self._changed.set()

    def close(self) -> None:
        """Let `run` end once all is sent: a batch under way must not be cut off."""
        self._is_over = True
        self._changed.set()

    async def run(self) -> None:
        """Send what waits, for as long as the stream lasts."""
        while not self._is_over or self._waiting:
            await self._changed.wait()
            self._changed.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                async with asyncio.timeout(_TELL_TIMEOUT_S):
                    await self._send(batch)
            except (Away, Refused, TimeoutError) as error:
                EVENTS_DROPPED.inc(len(batch))
                _log.info("viewers of %s missed frames: %s", self._inspection_id, error)

    async def _send(self, batch: list[Told]) -> None:
        for told in batch:
            for name, picture in told.pictures:
                await self._gateway.show_frame(self._work.assignment, name=name, data=picture)
        wanted = await self._gateway.publish([told.event for told in batch])
        self.wants_drawn = self._inspection_id in wanted.drawn
        self.wants_plain = self._inspection_id in wanted.plain

    @property
    def _inspection_id(self) -> str:
        return self._work.assignment.inspection_id


class ShareOfThread:
    """What a stream takes of one thread, told about once a second."""

    def __init__(
        self, tell: Callable[[float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._since = clock()
        self._busy_s = 0.0

    def add(self, busy_s: float) -> None:
        """A frame has held a thread for so long."""
        self._busy_s += busy_s
        elapsed_s = self._clock() - self._since
        if elapsed_s >= _SHARE_EVERY_S:
            self._tell(min(1.0, self._busy_s / elapsed_s))
            self._since, self._busy_s = self._clock(), 0.0


class LiveRun:
    """One stream, run to its end in the calling thread."""

    def __init__(
        self,
        work: Work,
        graph: Graph,
        *,
        access: SourceAccess,
        pool: ThreadPoolExecutor,
        viewers: Viewers,
        timeout_s: float,
        meters: Meters,
        on_share: Callable[[float], None],
        on_results: Callable[[Mapping[str, Any], datetime], None] = lambda *_: None,
    ) -> None:
        self._work = work
        self._graph = graph
        self._access = replace(access, stop=work.stop, lost=self._lost)
        self._pool = pool
        self._viewers = viewers
        self._timeout_s = timeout_s
        self._meters = meters
        self._share = ShareOfThread(on_share)
        self._on_results = on_results
        self._memories: Memories = new_memories(graph)
        self._summary = Summary()
        self._last: Inspected | None = None

    def run(self) -> Outcome:
        """Until the video ends or somebody cancels; raises ToolFailed where no frame was good."""
        try:
            return self._run()
        finally:
            self._work.stop.set()  # whatever happened, nobody reads on

    def _run(self) -> Outcome:
        began = time.monotonic()
        for frames in inspect_stream(self._graph, self._access):
            if self._work.stop.is_set():
                break
            self._inspect(frames)
        summary = self._summary
        if self._work.stop.is_set():
            return self._outcome("cancelled", began)
        if summary.failed == summary.frames and summary.last_error is not None:
            tool, _, message = summary.last_error.partition(": ")
            raise ToolFailed(tool, message)
        return self._outcome("completed", began)

    def _inspect(self, frames: Mapping[str, Frame]) -> None:
        dropped = sum(frame.dropped for frame in frames.values())
        FRAMES.inc()
        FRAMES_DROPPED.inc(dropped)
        seen_at = datetime.now(UTC)
        deadline_s = time.monotonic() + self._timeout_s
        asked = time.perf_counter()
        stop = Stop(self._work.stop, deadline_s=deadline_s)
        try:
            inspected = self._pool.submit(self._once, frames, stop, asked).result()
        except ToolFailed as error:
            self._summary.fail(str(error), dropped=dropped)
            self._tell({"error": str(error), "failed_tool": error.tool, "frame": _place(frames)})
            return
        except RunCancelled:
            return
        timing = inspected.results["timing"]
        self._share.add((timing["decode_ms"] + timing["total_ms"]) / 1000)
        self._last = inspected
        self._on_results(inspected.results, seen_at)
        self._summary.add(inspected.results, dropped=dropped)
        inspected.results["frame"] = {
            **_place(frames),
            "dropped": dropped,
            "dropped_total": self._summary.dropped,
        }
        times = tool_times(self._graph, inspected)
        self._meters.tools(self._work.assignment.inspection_type, times)
        self._tell(fit(inspected.results, max_bytes=_MAX_EVENT_BYTES), inspected)

    def _once(self, frames: Mapping[str, Frame], stop: Stop, asked: float) -> Inspected:
        began = time.perf_counter()
        return inspect_frames(
            self._graph,
            frames,
            stop=stop,
            wait_ms=(began - asked) * 1000,
            began=began,
            memories=self._memories,
        )

    def _tell(self, data: dict[str, Any], inspected: Inspected | None = None) -> None:
        pictures: list[tuple[str, bytes]] = []
        if inspected is not None and self._viewers.wants_drawn:
            name = f"frame-{self._summary.frames}.jpg"
            pictures.append((name, encode(render(inspected.picture, inspected.overlay))))
            data = {**data, "overlay_artifact": name}
        if inspected is not None and self._viewers.wants_plain:
            name = f"plain-{self._summary.frames}.jpg"
            bare = Overlay(width=inspected.overlay.width, height=inspected.overlay.height)
            pictures.append((name, encode(render(inspected.picture, bare))))
            data = {**data, "plain_artifact": name}
        self._viewers.tell(Told(self._event(data), tuple(pictures)))

    def _event(self, data: dict[str, Any]) -> NodeEvent:
        assignment = self._work.assignment
        return NodeEvent(
            inspection_id=assignment.inspection_id,
            machine_id=assignment.machine_id,
            type="frame_result",
            timestamp=datetime.now(UTC),
            data=data,
        )

    def _lost(self, reason: str) -> None:
        _log.warning("%s: %s", self._work.assignment.inspection_id, reason)
        self._tell({"source": "reconnecting", "reason": reason})

    def _outcome(self, status: str, began: float) -> Outcome:
        """The last frame's results, the summary, and the last picture."""
        summary = self._summary.as_json(duration_s=time.monotonic() - began)
        if self._last is None:
            return Outcome(report_of(self._work, status, results={"summary": summary}))
        results = fit({**self._last.results, "summary": summary})
        drawn = encode(render(self._last.picture, self._last.overlay))
        part = ArtifactReport(name=OVERLAY, media_type="image/jpeg", size_bytes=len(drawn))
        report = report_of(self._work, status, results=results, artifacts=[part])
        return Outcome(report, {OVERLAY: drawn})


def _place(frames: Mapping[str, Frame]) -> dict[str, int]:
    return {"index": max(frame.index for frame in frames.values())}


async def in_thread(work: Callable[[], Outcome], *, name: str) -> Outcome:
    """Run in a thread of its own, which nobody waits for at exit."""
    # A pool of one, for its thread alone: a stream must not hold a thread of the node's pool.
    pool = ThreadPoolExecutor(1, thread_name_prefix=name)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
