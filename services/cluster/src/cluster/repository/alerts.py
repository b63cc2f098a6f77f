"""Alerts: one is open for each cause."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Boolean, delete, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cluster.models import Alert

_FIELDS = ("severity", "component", "message", "affected")


async def raise_for(session: AsyncSession, alert: Alert) -> tuple[Alert, bool] | None:
    """Open an alert or update the open one; True when it is new, None for old news."""
    newer = select(Alert.id).where(
        Alert.cause == alert.cause,
        Alert.updated_at >= alert.updated_at,
        Alert.resolved_at.is_not(None),
    )
    if (await session.execute(newer.limit(1))).first() is not None:
        return None
    names = ("id", "cause", "source", "began_at", "updated_at", *_FIELDS)
    statement = insert(Alert).values(**{name: getattr(alert, name) for name in names})
    statement = statement.on_conflict_do_update(
        index_elements=[Alert.cause],
        index_where=text("resolved_at IS NULL"),
        set_={name: getattr(alert, name) for name in (*_FIELDS, "updated_at")},
    )
    is_new = literal_column("(xmax = 0)", Boolean)
    found = (await session.execute(statement.returning(Alert, is_new))).one()
    return found[0], found[1]


async def resolve(
    session: AsyncSession, cause: str, *, at: datetime, told_at: datetime
) -> Alert | None:
    """End the open alert of a cause; None where there is none."""
    statement = (
        update(Alert)
        .where(Alert.cause == cause, Alert.resolved_at.is_(None))
        .values(resolved_at=func.greatest(at, Alert.began_at), updated_at=told_at)
        .returning(Alert)
    )
    return (await session.execute(statement)).scalars().first()


async def listed(
    session: AsyncSession,
    *,
    severity: str | None,
    component: str | None,
    resolved: bool | None,
    since: datetime | None,
    limit: int,
) -> Sequence[Alert]:
    """Alerts, newest first."""
    statement = select(Alert).order_by(Alert.began_at.desc(), Alert.id).limit(limit)
    if severity is not None:
        statement = statement.where(Alert.severity == severity)
    if component is not None:
        statement = statement.where(Alert.component == component)
    if resolved is not None:
        is_open = Alert.resolved_at.is_(None)
        statement = statement.where(~is_open if resolved else is_open)
    if since is not None:
        statement = statement.where(Alert.updated_at >= since)
    return (await session.execute(statement)).scalars().all()


async def open_of(session: AsyncSession, source: str) -> Sequence[Alert]:
    """Open alerts that this source raised."""
    statement = select(Alert).where(Alert.source == source, Alert.resolved_at.is_(None))
    return (await session.execute(statement)).scalars().all()


async def totals(session: AsyncSession) -> dict[str, int]:
    """Open alerts by severity."""
    statement = (
        select(Alert.severity, func.count())
        .where(Alert.resolved_at.is_(None))
        .group_by(Alert.severity)
    )
    # A result has `keys()`, so `dict` would take it for a mapping.
    rows: Iterable[tuple[str, int]] = (await session.execute(statement)).tuples()
    return {severity: count for severity, count in rows}


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete alerts that ended before then."""
    await session.execute(delete(Alert).where(Alert.resolved_at < before))
