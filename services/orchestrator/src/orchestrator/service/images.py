"""Uploaded pictures and videos (contract, chapter 5)."""

import asyncio
import hashlib
from typing import BinaryIO

from common.auth import Principal
from common.db import Database
from common.errors import NotFound, ValidationFailed
from orchestrator.ids import new_id
from orchestrator.media import ACCEPTED, Media, read_media
from orchestrator.models import UploadedImage
from orchestrator.repository import images
from orchestrator.schemas.inspections import ImageView
from orchestrator.storage import Storage

_HASHED_AT_ONCE = 1024 * 1024


class ImageGone(NotFound):
    """There is no such image."""

    message = "There is no such image."
    message_pt = "Imagem não encontrada."


class ImageService:
    """Keeps what users upload, and gives it to the nodes."""

    def __init__(self, *, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def upload(self, file: BinaryIO, principal: Principal) -> ImageView:
        """Keep one file.

        Raises:
            ValidationFailed: it is none of the accepted types, whatever it is called.
        """
        media, digest, size_bytes = await asyncio.to_thread(_examine, file)
        if media is None:
            text = f"This is no picture or video that can be inspected; accepted are {ACCEPTED}."
            raise ValidationFailed(fields={"file": [text]})
        image = UploadedImage(
            id=new_id("img"),
            media_type=media.media_type,
            width=media.width,
            height=media.height,
            frames=media.frames,
            sha256=digest,
            size_bytes=size_bytes,
            uploaded_by=principal.subject,
        )
        image.storage_key = f"images/{image.id}"
        file.seek(0)
        # Stored before its row is: a row always has its bytes.
        await self._storage.put(image.storage_key, file)
        async with self._database.transaction() as session:
            session.add(image)
        return ImageView(
            image_id=image.id,
            media_type=image.media_type,
            width=image.width,
            height=image.height,
            frames=image.frames,
            sha256=image.sha256,
        )

    async def find(self, image_id: str) -> UploadedImage:
        """The row of an image.

        Raises:
            ImageGone: there is no such image.
        """
        async with self._database.transaction() as session:
            image = await images.get(session, image_id)
        if image is None:
            raise ImageGone()
        return image


def _examine(file: BinaryIO) -> tuple[Media | None, str, int]:
    media = read_media(file)
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_HASHED_AT_ONCE):
        digest.update(chunk)
    return media, digest.hexdigest(), file.tell()
