"""Log lines: added in batches, searched, and kept within their budgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import Line

# Counting every match of a wide search would read the whole store.
MOST_COUNTED: Final = 100_000
_TRIMMED_AT_ONCE: Final = 20_000
_OVER_BUDGET: Final = text("""
    DELETE FROM cluster.log_lines WHERE id IN (
        SELECT id FROM (
            SELECT id, sum(size) OVER (ORDER BY id DESC) AS total
            FROM cluster.log_lines WHERE component = :component) AS summed
        WHERE total > :budget ORDER BY id LIMIT :most)
""")


@dataclass(frozen=True)
class LogFilter:
    """Which lines are asked for; `level` is the least one, `q` a part of the message."""

    level: int | None = None
    component: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    request_id: str | None = None
    q: str | None = None


async def keep(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Add lines."""
    if rows:
        await session.execute(insert(Line), list(rows))


def _matching(statement: Select[Any], wanted: LogFilter) -> Select[Any]:
    if wanted.level is not None:
        statement = statement.where(Line.level >= wanted.level)
    if wanted.component is not None:
        statement = statement.where(Line.component == wanted.component)
    if wanted.since is not None:
        statement = statement.where(Line.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Line.at <= wanted.until)
    if wanted.request_id is not None:
        statement = statement.where(Line.request_id == wanted.request_id)
    if wanted.q is not None:
        statement = statement.where(Line.message.icontains(wanted.q, autoescape=True))
    return statement


async def search(
    session: AsyncSession, wanted: LogFilter, *, limit: int, offset: int
) -> tuple[int, Sequence[Line]]:
    """How many lines match (at most as many as are counted), and the newest of them."""
    matching = _matching(select(Line.id), wanted).limit(MOST_COUNTED).subquery()
    total = (await session.execute(select(func.count()).select_from(matching))).scalar_one()
    statement = _matching(select(Line), wanted).order_by(Line.at.desc(), Line.id.desc())
    found = (await session.execute(statement.limit(limit).offset(offset))).scalars().all()
    return total, found


async def of_request(session: AsyncSession, request_id: str, *, limit: int) -> Sequence[Line]:
    """One request's lines, oldest first."""
    statement = select(Line).where(Line.request_id == request_id)
    statement = statement.order_by(Line.at, Line.id).limit(limit)
    return (await session.execute(statement)).scalars().all()


async def sizes(session: AsyncSession) -> dict[str, int]:
    """Bytes by component."""
    statement = select(Line.component, func.sum(Line.size)).group_by(Line.component)
    return {component: int(size) for component, size in (await session.execute(statement)).tuples()}


async def trim(session: AsyncSession, component: str, *, budget: int) -> int:
    """Delete a component's oldest lines beyond its budget; how many went, some at a time."""
    result: Any = await session.execute(
        _OVER_BUDGET, {"component": component, "budget": budget, "most": _TRIMMED_AT_ONCE}
    )
    return int(result.rowcount)


async def forget(session: AsyncSession, before: datetime) -> int:
    """Delete lines older than this; how many went, some at a time."""
    old = select(Line.id).where(Line.at < before).limit(_TRIMMED_AT_ONCE)
    result: Any = await session.execute(delete(Line).where(Line.id.in_(old)))
    return int(result.rowcount)
