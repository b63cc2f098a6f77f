"""Rows of uploaded images."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.models import Inspection, UploadedImage
from orchestrator.repository.clock import ago

_UNFINISHED = ("pending", "assigned", "processing")


async def get(session: AsyncSession, image_id: str) -> UploadedImage | None:
    """The image of this id."""
    return await session.get(UploadedImage, image_id)


async def known_ids(session: AsyncSession, image_ids: Sequence[str]) -> set[str]:
    """Which of these images exist."""
    statement = select(UploadedImage.id).where(UploadedImage.id.in_(image_ids))
    return set((await session.execute(statement)).scalars())


async def uploaded_before(
    session: AsyncSession, *, days: float, limit: int
) -> list[tuple[str, str]]:
    """Images past their retention that no unfinished inspection needs: id and storage key."""
    is_needed = (
        select(Inspection.id)
        .where(
            Inspection.image_ids.contains(array([UploadedImage.id])),
            Inspection.status.in_(_UNFINISHED),
        )
        .exists()
    )
    statement = (
        select(UploadedImage.id, UploadedImage.storage_key)
        .where(
            UploadedImage.created_at < ago(days * 86_400),
            ~is_needed,
        )
        .order_by(UploadedImage.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, row.storage_key) for row in await session.execute(statement)]


async def remove(session: AsyncSession, image_ids: Sequence[str]) -> None:
    """Delete images' rows."""
    await session.execute(delete(UploadedImage).where(UploadedImage.id.in_(image_ids)))
