"""`/ws/devices`: readings, registry changes and alerts as they happen."""

import asyncio
from typing import Final

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from common.bus import Resync
from common.errors import BadRequest, ServiceError
from common.sockets import admitted, refuse, resume_point
from devices.hub import Client, Hub

router: Final = APIRouter()
_BEHIND: Final = 4008
_SEND_TIMEOUT_S: Final = 20.0


@router.websocket("/ws/devices")
async def live(websocket: WebSocket) -> None:
    """Send events, after `?after=SEQ` first those retained, of `?device_id=` or of all."""
    try:
        await admitted(websocket, "read")
        after = resume_point(websocket)
        device_id = _device_id(websocket)
    except ServiceError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    hub: Hub = websocket.app.state.hub
    with hub.client(device_id) as client:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(websocket, hub, client, after=after))
            await _until_gone(websocket)
            sending.cancel()


async def _until_gone(websocket: WebSocket) -> None:
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    except (WebSocketDisconnect, RuntimeError):
        return


async def _send(websocket: WebSocket, hub: Hub, client: Client, *, after: int | None) -> None:
    try:
        seen = 0
        if after is not None:
            seen = await _send_retained(websocket, hub, client, after=after)
        while True:
            frame = await client.next()
            if frame is None:
                await websocket.close(_BEHIND, "too slow, or events were lost")
                return
            if frame.seq > seen:
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await websocket.send_text(frame.text)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        return


async def _send_retained(websocket: WebSocket, hub: Hub, client: Client, *, after: int) -> int:
    seen = after
    try:
        async for frame in hub.replay(after):
            seen = frame.seq
            if client.wants(frame):
                await websocket.send_text(frame.text)
    except Resync:
        # The stream may have begun anew: what comes counts, whatever its number.
        seen = 0
        await websocket.send_text(orjson.dumps({"type": "resync"}).decode())
    return seen


def _device_id(websocket: WebSocket) -> int | None:
    text = websocket.query_params.get("device_id")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("Invalid value for 'device_id'", fields={"device_id": ["not an id"]})
    return int(text)
