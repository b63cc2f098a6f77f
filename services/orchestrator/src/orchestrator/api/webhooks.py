"""`/api/v1/webhooks`: what machines report, and what nodes fetch; never limited (chapter 5)."""

import re
from typing import Annotated, Final

from fastapi import Body, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from common.errors import PayloadTooLarge
from common.schemas.vision import (
    Heartbeat,
    HeartbeatReceipt,
    NodeEvent,
    NodeLogs,
    ResultReceipt,
    ResultReport,
    StatusUpdate,
)
from common.serve import service_router
from orchestrator.api.dependencies import ImageReader, Reporter, Serving
from orchestrator.schemas.queue import Acknowledged, EventsReceipt
from orchestrator.service.artifacts import Upload

router = service_router(prefix="/api/v1/webhooks", tags=["webhooks"])
ArtifactName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$")]
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")


@router.post("/results")
async def take_result(
    report: ResultReport, services: Serving, principal: Reporter
) -> ResultReceipt:
    """Take a result in; late and double ones are kept as evidence and change nothing."""
    return await services.results.take(report, principal)


@router.post("/heartbeat")
async def take_heartbeat(
    beat: Heartbeat, services: Serving, principal: Reporter
) -> HeartbeatReceipt:
    """Take a sign of life; the answer renews leases and names work that must stop."""
    return await services.signs.heartbeat(beat, principal)


@router.post("/status")
async def take_status(update: StatusUpdate, services: Serving, principal: Reporter) -> Acknowledged:
    """Take over what a machine says of itself; `offline` gives its work back."""
    await services.signs.status(update, principal)
    return Acknowledged()


@router.post("/events")
async def take_events(
    events: Annotated[list[NodeEvent], Body(max_length=500)],
    services: Serving,
    principal: Reporter,
) -> EventsReceipt:
    """Pass a node's events on to whoever watches; nothing is stored."""
    return await services.node_events.pass_on(events, principal)


@router.post("/logs")
async def take_logs(logs: NodeLogs, services: Serving, principal: Reporter) -> Acknowledged:
    """Pass a node's log lines on to the cluster service."""
    await services.node_logs.pass_on(logs, principal)
    return Acknowledged()


@router.get("/images/{image_id}", response_class=StreamingResponse)
async def fetch_image(image_id: str, services: Serving, _: ImageReader) -> StreamingResponse:
    """Fetch the bytes of an uploaded image."""
    image = await services.images.find(image_id)
    return StreamingResponse(
        services.storage.stream(image.storage_key),
        media_type=image.media_type,
        headers={
            "Content-Length": str(image.size_bytes),
            "ETag": f'"{image.sha256}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.put("/artifacts/{inspection_id}/{name}", status_code=204)
async def keep_artifact(
    inspection_id: str,
    name: ArtifactName,
    request: Request,
    services: Serving,
    principal: Reporter,
    machine_id: Annotated[str, Header(alias="X-Machine-ID", max_length=64)],
    lease_token: Annotated[str, Header(alias="X-Lease-Token", max_length=64)],
    transient: Annotated[
        bool, Query(description="Only shown to who watches, as a frame of a live stream.")
    ] = False,
) -> Response:
    """Keep a file that belongs to the results, under the current lease only."""
    upload = Upload(
        inspection_id=inspection_id,
        name=name,
        machine_id=machine_id,
        lease_token=lease_token,
        media_type=_media_type(request.headers.get("content-type", "")),
        is_transient=transient,
    )
    content = await _body(request, services.settings.image_max_bytes)
    await services.artifacts.keep(upload, content, principal)
    return Response(status_code=204)


def _media_type(header: str) -> str:
    stated = header.split(";")[0].strip().lower()
    return stated if _MEDIA_TYPE.fullmatch(stated) else "application/octet-stream"


async def _body(request: Request, most_bytes: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most_bytes:
            raise PayloadTooLarge()
    return bytes(received)
