"""The one row with schedule and rules, and its revision."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import Rulebook

_ROW = 1


async def get(session: AsyncSession, *, lock: bool = False) -> Rulebook:
    """The rulebook."""
    statement = select(Rulebook).where(Rulebook.id == _ROW)
    if lock:
        statement = statement.with_for_update()
    return (await session.execute(statement)).scalar_one()


async def revised(session: AsyncSession) -> None:
    """Note that the floor has changed: whoever keeps a plan of it must read it anew."""
    await session.execute(
        update(Rulebook).where(Rulebook.id == _ROW).values(revision=Rulebook.revision + 1)
    )
