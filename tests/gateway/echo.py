"""A service behind a gateway that tells what reached it; run by uvicorn as a real server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.responses import Response, StreamingResponse

_CHUNK = bytes(range(256)) * 256


_routes = APIRouter()


@_routes.get("/api/v1/images/echo")
@_routes.api_route("/api/devices/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def echo(request: Request) -> dict[str, object]:
    body = await request.body()
    return {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": dict(request.headers),
        "body": body.decode("latin-1"),
    }


@_routes.get("/api/devices/stream")
async def stream(chunks: int) -> StreamingResponse:
    async def content() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield _CHUNK

    return StreamingResponse(content(), media_type="application/octet-stream")


@_routes.post("/api/v1/images/digest")
@_routes.post("/api/devices/digest")
async def digest(request: Request) -> dict[str, object]:
    size, sha256 = 0, hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        sha256.update(chunk)
    return {"size": size, "sha256": sha256.hexdigest()}


@_routes.get("/api/devices/broken")
async def broken() -> StreamingResponse:
    async def content() -> AsyncIterator[bytes]:
        yield _CHUNK
        raise ConnectionError("the service dies in the middle of its answer")

    return StreamingResponse(content())


@_routes.get("/api/devices/silent")
async def silent() -> None:
    await asyncio.sleep(600)


@_routes.get("/api/devices/teapot")
async def teapot() -> Response:
    return Response(b"short and stout", status_code=418, headers={"X-Kept": "yes"})


@_routes.post("/api/status/verified")
async def verified(request: Request, response: Response) -> dict[str, str]:
    body = await request.json()
    if body["api_key"] == "good":
        response.headers["X-Gemba-Verified"] = f"printer:{body['printer_id']}"
    return {"printer_id": str(body["printer_id"])}


@_routes.websocket("/ws/devices")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"authorization": websocket.headers.get("authorization")})
    async for text in websocket.iter_text():
        if text.startswith("close "):
            await websocket.close(int(text.split()[1]))
            return
        await websocket.send_text(text)


@_routes.get("/openapi-never")
async def never() -> None:
    """Outside of every route of the gateway."""


def echo_app() -> FastAPI:
    """The app; its paths are ones that gateways route by prefix."""
    app = FastAPI()
    app.include_router(_routes)
    return app
