"""What a live stream sees of the floor, on its way to the tracking service (contract, chapter 6).

Frames wait while tracking is away and go together afterwards; (camera, frame_id) makes a repeat
harmless. Of a long outage the newest minutes are kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson

from vision_node.gateway import Away, Gateway, Refused
from vision_node.pipeline.graph import Graph
from vision_node.runtime.metrics import EVENTS_DROPPED
from vision_node.runtime.work import Work
from vision_node.sources.opening import SourceAccess
from vision_node.tools.image_source import ImageSource
from vision_node.tools.report_people import ReportPeople

_EVERY_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
_MOST_A_POST: Final = 200
_MOST_WAITING: Final = 6_000
_POST_TIMEOUT_S: Final = 10.0
_log = logging.getLogger("observing")


class Observer:
    """One stream's way to tracking; idle where the pipeline reports no people."""

    def __init__(self, gateway: Gateway, work: Work, graph: Graph) -> None:
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()
        reports = [(step.id, step.tool) for step in graph.steps]
        self._tools = {key: tool for key, tool in reports if isinstance(tool, ReportPeople)}
        self._run = f"{work.assignment.inspection_id}-{work.assignment.lease.attempt}"
        self._waiting: dict[str, deque[dict[str, Any]]] = {
            tool.camera_id: deque(maxlen=_MOST_WAITING) for tool in self._tools.values()
        }
        self._number = 0
        self._over = asyncio.Event()

    def add(self, results: Mapping[str, Any], seen_at: datetime) -> None:
        """From the stream's thread: one more frame's results."""
        self._number += 1
        for key, tool in self._tools.items():
            frame = {
                "timestamp": seen_at.isoformat(),
                "frame_id": f"{self._run}-{self._number}"[-64:],
                "tracks": [self._named(one) for one in results["tools"][key]["observations"]],
            }
            self._loop.call_soon_threadsafe(self._keep, tool.camera_id, frame)

    def _keep(self, camera_id: str, frame: dict[str, Any]) -> None:
        waiting = self._waiting[camera_id]
        if len(waiting) == waiting.maxlen:
            EVENTS_DROPPED.inc()
        waiting.append(frame)

    def _named(self, track: dict[str, Any]) -> dict[str, Any]:
        """Another run counts people from 1 again: its tracks must not be taken for these."""
        return {**track, "track_id": f"{self._run[-5:]}-{track['track_id']}"}

    async def run(self) -> None:
        """Send what waits, until the stream is over and all is sent."""
        if not self._tools:
            return
        pause_s = _EVERY_S
        while not self._over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), pause_s)
            is_sent = await self._send_all()
            pause_s = _EVERY_S if is_sent else min(2 * pause_s, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Let `run` end with one more try to send what waits."""
        self._over.set()

    async def _send_all(self) -> bool:
        for camera_id, waiting in self._waiting.items():
            while waiting:
                frames = [waiting[place] for place in range(min(len(waiting), _MOST_A_POST))]
                try:
                    async with asyncio.timeout(_POST_TIMEOUT_S):
                        body = orjson.dumps({"camera_id": camera_id, "frames": frames})
                        await self._gateway.observe(body)
                except Refused as error:
                    _log.warning("%s: observations were refused: %s", camera_id, error)
                except (Away, TimeoutError) as error:
                    _log.info("%s: observations wait: %s", camera_id, error)
                    return False
                for _ in frames:
                    waiting.popleft()
        return True


async def addressed(graph: Graph, access: SourceAccess, gateway: Gateway) -> SourceAccess:
    """The access with the addresses of the floor's cameras that the pipeline names.

    Raises Away where tracking does not answer; a camera that it does not know has no address.
    """
    tools = [step.tool for step in graph.sources]
    names = {
        tool.camera_id
        for tool in tools
        if isinstance(tool, ImageSource) and tool.source_type == "floor"
    }
    addresses = {}
    for camera_id in names:
        if camera_id is not None:
            with suppress(Refused):
                addresses[camera_id] = await gateway.camera_address(camera_id)
    return replace(access, addresses=addresses) if addresses else access
