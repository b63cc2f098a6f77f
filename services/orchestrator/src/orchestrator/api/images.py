"""`/api/v1/images`: what users upload (contract, chapter 5)."""

from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from common.errors import PayloadTooLarge, ValidationFailed
from common.serve import service_router
from orchestrator.api.dependencies import Reader, Serving, Writer
from orchestrator.schemas.inspections import ImageView

router = service_router(prefix="/api/v1/images", tags=["images"])
# What a form adds around its file: boundary, headers, other fields.
_FORM_BYTES = 64 * 1024
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


@router.post("", status_code=201, openapi_extra={"requestBody": _BODY})
async def upload_image(request: Request, services: Serving, principal: Writer) -> ImageView:
    """Upload a picture or a video in the form field `file`."""
    largest = services.settings.image_max_bytes
    limited = Request(request.scope, _Limited(request, largest + _FORM_BYTES).receive)
    try:
        async with limited.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                text = "Send the picture in the multipart form field `file`."
                raise ValidationFailed(fields={"file": [text]})
            if file.size is not None and file.size > largest:
                raise PayloadTooLarge()
            return await services.images.upload(file.file, principal)
    except (MultiPartException, HTTPException) as error:
        text = f"The form cannot be read: {error}"
        raise ValidationFailed(fields={"file": [text]}) from error


@router.get(
    "/{image_id}",
    response_class=StreamingResponse,
    responses={200: {"content": {"image/*": {}, "video/*": {}}}},
)
async def get_image(image_id: str, services: Serving, _: Reader) -> StreamingResponse:
    """Get an uploaded picture or video as it came."""
    image = await services.images.find(image_id)
    return StreamingResponse(
        services.storage.stream(image.storage_key),
        media_type=image.media_type,
        headers={
            "Content-Length": str(image.size_bytes),
            "ETag": f'"{image.sha256}"',
            "Cache-Control": "private, max-age=3600",
            "X-Content-Type-Options": "nosniff",
        },
    )


class _Limited:
    """Breaks a body off as soon as it is larger than allowed, before it fills the disk."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._receive = request.receive
        self._left = most_bytes

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise PayloadTooLarge()
        return message
