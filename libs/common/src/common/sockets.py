"""WebSocket handshakes: the caller is known, or refused before any accept (contract, chapter 3)."""

from fastapi import WebSocket
from fastapi.responses import JSONResponse

from common.auth import Principal, current_principal
from common.errors import BadRequest, Forbidden, ServiceError
from common.families import family_of, render


async def refuse(websocket: WebSocket, error: ServiceError) -> None:
    """Answer a handshake with an HTTP error in the style of the path's family."""
    rendered = render(error, family=family_of(websocket.url.path))
    response = JSONResponse(
        rendered.body, status_code=rendered.status, headers=dict(rendered.headers)
    )
    await websocket.send_denial_response(response)


async def admitted(websocket: WebSocket, permission: str) -> Principal:
    """The caller of a handshake.

    Raises:
        Unauthorized: no token, or none of this mesh.
        Forbidden: the caller lacks the permission.
    """
    principal = await current_principal(websocket)
    if not principal.has(permission):
        raise Forbidden(details={"required": permission})
    return principal


def resume_point(websocket: WebSocket) -> int | None:
    """The `?after=` of a handshake, None when there is none.

    Raises:
        BadRequest: it is no number.
    """
    after = websocket.query_params.get("after")
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        text = "must be the seq of an event"
        raise BadRequest(f"Invalid value for 'after': {text}", fields={"after": [text]})
    return int(after)
