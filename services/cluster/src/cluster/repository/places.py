"""Small facts that outlive a process: services that were seen, and how far feeds were read."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import Cursor, KnownService


async def note_services(session: AsyncSession, names: Iterable[str]) -> None:
    """These services are there now."""
    rows = [{"name": name} for name in names]
    if not rows:
        return
    statement = insert(KnownService).values([{**row, "last_seen_at": func.now()} for row in rows])
    statement = statement.on_conflict_do_update(
        index_elements=[KnownService.name], set_={"last_seen_at": func.now()}
    )
    await session.execute(statement)


async def services_since(session: AsyncSession, moment: datetime) -> list[str]:
    """Services that were seen after then."""
    statement = select(KnownService.name).where(KnownService.last_seen_at >= moment)
    return list((await session.execute(statement)).scalars())


async def forget_services(session: AsyncSession, before: datetime) -> None:
    """Miss no longer what was last seen before then."""
    await session.execute(delete(KnownService).where(KnownService.last_seen_at < before))


async def cursor(session: AsyncSession, name: str) -> int | None:
    """How far a feed was read; None where it never was."""
    found = await session.get(Cursor, name)
    return None if found is None else found.seq


async def move_cursor(session: AsyncSession, name: str, seq: int) -> None:
    """Note how far a feed has been read."""
    statement = insert(Cursor).values(name=name, seq=seq)
    statement = statement.on_conflict_do_update(index_elements=[Cursor.name], set_={"seq": seq})
    await session.execute(statement)
