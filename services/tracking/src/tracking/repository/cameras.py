"""Rows of cameras, of their streams and of what their frames led to."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import Camera, CameraState, Stream

Known = tuple[Camera, CameraState, Stream | None]


async def get(session: AsyncSession, camera_id: str, *, lock: bool = False) -> Camera | None:
    """The camera of this id."""
    statement = select(Camera).where(Camera.camera_id == camera_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def listed(session: AsyncSession, camera_id: str | None = None) -> Sequence[Known]:
    """Cameras by id, each with its state and its stream."""
    statement = (
        select(Camera, CameraState, Stream)
        .join(CameraState, CameraState.camera_id == Camera.camera_id)
        .outerjoin(Stream, Stream.camera_id == Camera.camera_id)
        .order_by(Camera.camera_id)
    )
    if camera_id is not None:
        statement = statement.where(Camera.camera_id == camera_id)
    return [(row[0], row[1], row[2]) for row in (await session.execute(statement)).all()]
