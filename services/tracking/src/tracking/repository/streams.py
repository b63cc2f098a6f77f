"""Rows of streams: how each camera is kept running; one replica looks after one at a time."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import Camera, CameraState, Stream


async def camera_ids(session: AsyncSession) -> Sequence[str]:
    """Every camera that is in use, or that still has a stream."""
    statement = (
        select(Camera.camera_id)
        .outerjoin(Stream, Stream.camera_id == Camera.camera_id)
        .where(Camera.active.is_(True) | Stream.inspection_id.is_not(None))
        .order_by(Camera.camera_id)
    )
    return (await session.execute(statement)).scalars().all()


async def taken(
    session: AsyncSession, camera_id: str
) -> tuple[Camera, Stream, datetime | None] | None:
    """A camera, its stream locked, and when it was heard; None while another replica has it."""
    await session.execute(insert(Stream).values(camera_id=camera_id).on_conflict_do_nothing())
    statement = (
        select(Camera, Stream, CameraState.heard_at)
        .join(Stream, Stream.camera_id == Camera.camera_id)
        .join(CameraState, CameraState.camera_id == Camera.camera_id)
        .where(Camera.camera_id == camera_id)
        .with_for_update(of=Stream, skip_locked=True)
    )
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1], row[2]) if row is not None else None
