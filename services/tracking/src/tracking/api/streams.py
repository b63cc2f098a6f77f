"""`/ws/tracking`: the floor as it happens, in five kinds of message (contract, chapter 6)."""

from fastapi import APIRouter, WebSocket

from common.bus import Bus
from common.errors import ServiceError, Unavailable
from common.sockets import admitted, refuse, resume_point
from tracking.api.dependencies import services_of
from tracking.streaming.feed import Feed
from tracking.streaming.watching import Watch

router = APIRouter()


@router.websocket("/ws/tracking")
async def watch_floor(websocket: WebSocket) -> None:
    """Messages each with its `seq`; first the present metrics, or what came after `?after=`."""
    bus: Bus = websocket.app.state.bus
    feed: Feed = websocket.app.state.feed
    try:
        await admitted(websocket, "read")
        after = resume_point(websocket)
        if not bus.is_connected:
            raise Unavailable("The bus does not answer right now.")
    except ServiceError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    state = (await services_of(websocket)).ticker.metrics_update
    await Watch(websocket, bus=bus, feed=feed, state=state).serve(after)
