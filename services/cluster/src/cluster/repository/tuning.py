"""Versions of the settings, the newest of which holds."""

from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import SettingsVersion

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('cluster.settings'))")


async def newest(session: AsyncSession, *, lock: bool = False) -> SettingsVersion | None:
    """The settings in force; None while nobody has changed any."""
    if lock:
        await session.execute(_LOCK)
    statement = select(SettingsVersion).order_by(SettingsVersion.version.desc()).limit(1)
    return (await session.execute(statement)).scalars().first()


async def newest_version(session: AsyncSession) -> int:
    """The version in force, 0 while nobody has changed anything."""
    return (await session.execute(select(func.max(SettingsVersion.version)))).scalar() or 0


async def history(session: AsyncSession, *, limit: int) -> Sequence[SettingsVersion]:
    """Changes, newest first."""
    statement = select(SettingsVersion).order_by(SettingsVersion.version.desc()).limit(limit)
    return (await session.execute(statement)).scalars().all()
