"""`/api/v1/images`: what users upload (contract, chapter 5)."""

from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from common.errors import PayloadTooLarge, ValidationFailed
from common.serve import service_router
from orchestrator.api.dependencies import Serving, Writer
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
