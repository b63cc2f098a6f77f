"""One viewer's whole visit: the present state or what it missed, then what happens.

Nothing is lost between the two: a viewer joins the feed first, then reads what came before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from common.bus import Bus, Resync
from common.viewing import Message, Overrun, Stale, Viewer
from tracking.streaming.feed import EVENTS, Feed, encode

_TRY_AGAIN: Final = 1013
_SEND_TIMEOUT_S: Final = 20.0
_GONE: Final = (WebSocketDisconnect, RuntimeError, TimeoutError, OSError)

State = Callable[[], Awaitable[dict[str, Any]]]


class Watch:
    """Serves one accepted socket."""

    def __init__(self, websocket: WebSocket, *, bus: Bus, feed: Feed, state: State) -> None:
        self._websocket = websocket
        self._bus = bus
        self._feed = feed
        self._state = state
        self._sent = -1

    async def serve(self, after: int | None) -> None:
        """Send until the viewer leaves."""
        with self._feed.joined() as viewer:
            sending = asyncio.create_task(self._send_all(viewer, after))
            leaving = asyncio.create_task(self._wait_for_leave())
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait({sending, leaving})
            error = None if sending.cancelled() else sending.exception()
            if error is not None and not isinstance(error, _GONE):
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
        while True:
            try:
                message = await viewer.next()
            except Stale:
                await self._send_text(_text({"type": "resync"}))
                await self._send_state()
            except Overrun:
                await asyncio.wait_for(self._websocket.close(_TRY_AGAIN), _SEND_TIMEOUT_S)
                return
            else:
                await self._send(message)

    async def _send_missed(self, after: int) -> None:
        try:
            async for event in self._bus.replay(*EVENTS, after=after):
                await self._send(encode(event))
        except Resync:
            await self._send_text(_text({"type": "resync"}))
            await self._send_state()

    async def _send_state(self) -> None:
        """The state after the newest event: whatever comes later has a higher `seq`."""
        seq = await self._bus.last_seq()
        state = await self._state()
        self._sent = seq
        await self._send_text(_text({**state, "seq": seq}))

    async def _send(self, message: Message) -> None:
        if message.seq > self._sent:
            self._sent = message.seq
            await self._send_text(message.text)

    async def _send_text(self, text: str) -> None:
        """A viewer that takes nothing for so long is gone, whatever its connection says."""
        await asyncio.wait_for(self._websocket.send_text(text), _SEND_TIMEOUT_S)


def _text(body: dict[str, Any]) -> str:
    return orjson.dumps(body).decode()
