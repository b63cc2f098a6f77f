"""Rows of alerts: one is open for each cause."""

from collections.abc import Sequence

from sqlalchemy import Boolean, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Alert


async def raise_for(session: AsyncSession, alert: Alert) -> tuple[Alert, bool]:
    """Open an alert, or update the one that is open for its cause; True when it is new."""
    values = {
        name: getattr(alert, name)
        for name in ("cause", "kind", "severity", "printer_id", "job_id", "message", "message_pt")
    }
    statement = insert(Alert).values(**values)
    statement = statement.on_conflict_do_update(
        index_elements=[Alert.cause],
        index_where=text("resolved_at IS NULL"),
        set_={"updated_at": func.now(), "message": alert.message, "message_pt": alert.message_pt},
    )
    is_new = literal_column("(xmax = 0)", Boolean)
    found = (await session.execute(statement.returning(Alert, is_new))).one()
    return found[0], found[1]


async def resolve(session: AsyncSession, *causes: str) -> Sequence[Alert]:
    """Close what is open for these causes."""
    statement = (
        update(Alert)
        .where(Alert.cause.in_(causes), Alert.resolved_at.is_(None))
        .values(resolved_at=func.now(), updated_at=func.now())
        .returning(Alert)
    )
    return (await session.execute(statement)).scalars().all()


async def resolve_kind(session: AsyncSession, printer_id: str, kind: str) -> Sequence[Alert]:
    """Close a printer's open alerts of this kind."""
    statement = (
        update(Alert)
        .where(Alert.printer_id == printer_id, Alert.kind == kind, Alert.resolved_at.is_(None))
        .values(resolved_at=func.now(), updated_at=func.now())
        .returning(Alert)
    )
    return (await session.execute(statement)).scalars().all()


async def listed(
    session: AsyncSession, *, printer_id: str | None, only_open: bool, limit: int
) -> Sequence[Alert]:
    """Alerts, newest first."""
    statement = select(Alert).order_by(Alert.id.desc()).limit(limit)
    if printer_id is not None:
        statement = statement.where(Alert.printer_id == printer_id)
    if only_open:
        statement = statement.where(Alert.resolved_at.is_(None))
    return (await session.execute(statement)).scalars().all()
