"""One client's whole visit: what it missed, then what happens; and what it asks for."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.streaming.hub import Hub
from cluster.streaming.topics import note_frame, unknown_of
from cluster.streaming.viewer import Viewer
from common.bus import Resync
from common.frames import FramedProtocol

_log = logging.getLogger("visit")
_REPLAY_S: Final = 30.0
_GONE: Final = (WebSocketDisconnect, RuntimeError, OSError)


class Subscribe(BaseModel):
    """`{"type": "subscribe", "topics": […]}`."""

    model_config = ConfigDict(extra="ignore")

    topics: list[str] = Field(max_length=50)


class Visit:
    """Serves one accepted socket."""

    def __init__(
        self,
        websocket: WebSocket,
        *,
        hub: Hub,
        protocol: FramedProtocol,
        allowed: frozenset[str],
    ) -> None:
        self._websocket = websocket
        self._hub = hub
        self._protocol = protocol
        self._allowed = allowed

    async def serve(self, after: int | None) -> None:
        """Send until the client leaves."""
        with self._hub.joined(self._protocol, self._allowed) as viewer:
            if after is None:
                await self._listen(viewer)
                return
            viewer.hold()
            async with asyncio.TaskGroup() as tasks:
                replaying = tasks.create_task(self._replay(viewer, after))
                await self._listen(viewer)
                replaying.cancel()

    async def _replay(self, viewer: Viewer, after: int) -> None:
        sent = after
        try:
            async with asyncio.timeout(_REPLAY_S):
                async for frame in self._hub.replay(after):
                    if frame.topic in viewer.topics:
                        await self._protocol.writable.wait()
                        if not self._protocol.is_open:
                            return
                        self._protocol.write_frame(frame.payload)
                    sent = frame.seq
        except Resync:
            sent = 0
            self._tell_resync()
        except Exception as error:
            # The bus went away in the middle: what is missing cannot be sent.
            _log.warning("a replay broke off: %r", error)
            self._tell_resync()
        finally:
            viewer.release(after=sent)

    def _tell_resync(self) -> None:
        if self._protocol.is_open:
            self._protocol.write_frame(note_frame("resync", seq=0).payload)

    async def _listen(self, viewer: Viewer) -> None:
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._answer(viewer, message)
        except _GONE:
            return

    def _answer(self, viewer: Viewer, message: Mapping[str, Any]) -> None:
        raw = message.get("text") or message.get("bytes") or ""
        try:
            asked = orjson.loads(raw)
        except orjson.JSONDecodeError:
            self._refuse(viewer, "The message is not valid JSON.")
            return
        kind = asked.get("type") if isinstance(asked, dict) else None
        if kind == "ping":
            viewer.offer(note_frame("pong", seq=self._hub.seq))
        elif kind == "subscribe":
            self._subscribe(viewer, asked)
        else:
            self._refuse(viewer, "The type must be 'subscribe' or 'ping'.")

    def _subscribe(self, viewer: Viewer, asked: Mapping[str, Any]) -> None:
        try:
            topics = frozenset(Subscribe.model_validate(asked, strict=True).topics)
        except ValidationError:
            self._refuse(viewer, "'topics' must be a list of at most 50 names.")
            return
        if unknown := unknown_of(topics):
            self._refuse(viewer, f"There is no topic {unknown[0][:100]!r}.", topics=unknown)
            return
        if forbidden := sorted(topics - self._allowed):
            self._refuse(viewer, f"You may not watch {forbidden[0]!r}.", topics=forbidden)
            return
        self._hub.watch(viewer, topics)
        viewer.offer(note_frame("subscribed", seq=self._hub.seq, topics=sorted(topics)))

    def _refuse(self, viewer: Viewer, message: str, **more: Any) -> None:
        viewer.offer(note_frame("error", seq=self._hub.seq, message=message, **more))
