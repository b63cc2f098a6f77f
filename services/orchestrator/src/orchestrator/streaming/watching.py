"""One viewer's whole visit: the present state or what it missed, then what happens, then the end.

Nothing is lost between the two: a viewer joins the feed first, then reads what came before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from common.bus import Bus, Resync
from common.viewing import Overrun, Stale
from orchestrator.events import FINAL
from orchestrator.streaming.feed import Feed, encode
from orchestrator.streaming.viewer import Message, Pictures, Viewer

_NORMAL: Final = 1000
_TRY_AGAIN: Final = 1013
# The database is the truth: when nothing has come for so long, it is asked.
_IDLE_S: Final = 15.0
_SEND_TIMEOUT_S: Final = 20.0

State = Callable[[], Awaitable[dict[str, Any] | None]]
Picture = Callable[[str, str], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched: its id, the subjects to replay, and how to read its present state."""

    key: str
    subjects: tuple[str, ...]
    state: State
    ends: bool


class Watch:
    """Serves one accepted socket."""

    def __init__(
        self,
        websocket: WebSocket,
        watched: Subject,
        *,
        bus: Bus,
        feed: Feed,
        picture: Picture | None,
        pictures: Pictures = "none",
    ) -> None:
        self._websocket = websocket
        self._watched = watched
        self._bus = bus
        self._feed = feed
        self._picture = picture
        self._pictures = pictures
        self._sent = -1
        self._is_over = False

    async def serve(self, after: int | None) -> None:
        """Send until the inspection ends or the viewer leaves."""
        with self._feed.joined(self._watched.key, pictures=self._pictures) as viewer:
            sending = asyncio.create_task(self._send_all(viewer, after))
            leaving = asyncio.create_task(self._wait_for_leave())
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait({sending, leaving})
            self._raise_unexpected(sending)

    @staticmethod
    def _raise_unexpected(sending: "asyncio.Task[None]") -> None:
        if sending.cancelled():
            return
        error = sending.exception()
        if error is not None and not isinstance(
            error, WebSocketDisconnect | RuntimeError | TimeoutError | OSError
        ):
            raise error

    async def _wait_for_leave(self) -> None:
        with suppress(RuntimeError):
            while (await self._websocket.receive())["type"] != "websocket.disconnect":
                continue

    async def _send_all(self, viewer: Viewer, after: int | None) -> None:
        if after is None:
            await self._send_state()
        else:
            await self._send_missed(after)
            await self._send_state_if_ended()
        while not self._is_over:
            try:
                message = await asyncio.wait_for(viewer.next(), _IDLE_S)
            except TimeoutError:
                await self._send_state_if_ended()
            except Stale:
                await self._send_text({"type": "resync"})
                await self._send_state()
            except Overrun:
                await self._close(_TRY_AGAIN)
                return
            else:
                await self._send(message)
        await self._close(_NORMAL)

    async def _send_missed(self, after: int) -> None:
        try:
            async for event in self._bus.replay(*self._watched.subjects, after=after):
                message = encode(event)
                if self._watched.key in (message.inspection_id, message.machine_id):
                    await self._send(message)
        except Resync:
            await self._send_text({"type": "resync"})
            await self._send_state()

    async def _send_state(self) -> None:
        """The state after the newest event: whatever comes later has a higher `seq`."""
        seq = await self._bus.last_seq()
        state = await self._watched.state()
        if state is None:
            self._is_over = True
            return
        text = orjson.dumps({**state, "seq": seq}, default=str).decode()
        inspection_id = str(state.get("inspection_id") or "")
        await self._send(
            Message(
                seq=seq,
                text=text,
                kind=state["type"],
                inspection_id=inspection_id,
                machine_id=str(state.get("machine_id") or ""),
                data=state["data"],
            )
        )

    async def _send_state_if_ended(self) -> None:
        if self._is_over or not self._watched.ends:
            return
        state = await self._watched.state()
        if state is None or state["data"]["status"] in FINAL:
            self._sent = -1
            await self._send_state()

    async def _send(self, message: Message) -> None:
        if message.seq <= self._sent:
            return
        self._sent = message.seq
        await self._with_timeout(self._websocket.send_text(message.text))
        name = picture_name(message, is_plain=self._pictures == "plain")
        if self._picture is not None and name is not None:
            shown = await self._picture(message.inspection_id, name)
            if shown is not None:
                await self._with_timeout(self._websocket.send_bytes(shown))
        is_status = message.kind == "inspection_status"
        if self._watched.ends and is_status and message.data.get("status") in FINAL:
            self._is_over = True

    async def _send_text(self, body: dict[str, Any]) -> None:
        await self._with_timeout(self._websocket.send_text(orjson.dumps(body).decode()))

    async def _close(self, code: int) -> None:
        await self._with_timeout(self._websocket.close(code))

    @staticmethod
    async def _with_timeout(sending: Awaitable[None]) -> None:
        """A viewer that takes nothing for so long is gone, whatever its connection says."""
        await asyncio.wait_for(sending, _SEND_TIMEOUT_S)


def picture_name(message: Message, *, is_plain: bool = False) -> str | None:
    """The picture that belongs to an event, by the name of its artifact.

    A node names the drawn one in `data.overlay_artifact`, the plain one in `data.plain_artifact`;
    a result brings its drawn one among its artifacts, and no plain one.
    """
    named = message.data.get("plain_artifact" if is_plain else "overlay_artifact")
    if is_plain or isinstance(named, str):
        return named if isinstance(named, str) else None
    for artifact in message.data.get("artifacts") or ():
        if artifact.get("media_type") == "image/jpeg":
            return str(artifact["name"])
    return None
