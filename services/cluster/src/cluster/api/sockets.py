"""`/ws/{client_id}`: everything that happens, by topic (contract, chapters 3 and 9)."""

from fastapi import APIRouter, WebSocket

from cluster.api.dependencies import services_of
from cluster.streaming.topics import topics_of
from cluster.streaming.visit import Visit
from common.auth import current_principal
from common.errors import Forbidden, ServiceError, Unavailable
from common.frames import protocol_of
from common.sockets import refuse, resume_point

router = APIRouter()


@router.websocket("/ws/{client_id}")
async def watch(websocket: WebSocket, client_id: str) -> None:
    """Events of all topics that the caller may read; `subscribe` narrows them."""
    services = await services_of(websocket)
    try:
        allowed = topics_of(await current_principal(websocket))
        if not allowed:
            raise Forbidden(details={"required": "read"})
        after = resume_point(websocket)
        protocol = protocol_of(websocket)
        if protocol is None or not services.bus.is_connected:
            raise Unavailable("The bus does not answer right now.")
    except ServiceError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    visit = Visit(websocket, hub=services.hub, protocol=protocol, allowed=allowed)
    await visit.serve(after)
