"""Rows of zones."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import SessionRow, Zone


async def get(session: AsyncSession, zone_id: str, *, lock: bool = False) -> Zone | None:
    """The zone of this id."""
    statement = select(Zone).where(Zone.zone_id == zone_id)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def listed(
    session: AsyncSession, *, camera_id: str | None = None, active: bool | None = None
) -> Sequence[Zone]:
    """Zones by id."""
    statement = select(Zone).order_by(Zone.zone_id)
    if camera_id is not None:
        statement = statement.where(Zone.camera_id == camera_id)
    if active is not None:
        statement = statement.where(Zone.active.is_(active))
    return (await session.execute(statement)).scalars().all()


async def occupancies(session: AsyncSession) -> Mapping[str, int]:
    """How many people are in each zone that is not empty."""
    statement = (
        select(SessionRow.zone_id, func.count())
        .where(SessionRow.exit_time.is_(None))
        .group_by(SessionRow.zone_id)
    )
    return {zone: int(count) for zone, count in (await session.execute(statement)).all()}


async def counts(session: AsyncSession) -> Mapping[str, int]:
    """How many active zones each camera has."""
    statement = (
        select(Zone.camera_id, func.count()).where(Zone.active.is_(True)).group_by(Zone.camera_id)
    )
    return {camera: int(count) for camera, count in (await session.execute(statement)).all()}
