"""Rows of alerts and anomalies, as users ask for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tracking.models import Alert, Anomaly

Row = TypeVar("Row", Alert, Anomaly)


async def alert_page(
    session: AsyncSession, where: Sequence[ColumnElement[bool]], *, limit: int, offset: int
) -> tuple[Sequence[Alert], int]:
    """One page of alerts, newest first, and how many there are."""
    statement = select(Alert).where(*where).order_by(Alert.timestamp.desc(), Alert.alert_id.desc())
    return await _page(session, statement, limit=limit, offset=offset)


async def anomaly_page(
    session: AsyncSession, where: Sequence[ColumnElement[bool]], *, limit: int, offset: int
) -> tuple[Sequence[Anomaly], int]:
    """One page of anomalies, newest first, and how many there are."""
    order = (Anomaly.timestamp.desc(), Anomaly.anomaly_id.desc())
    return await _page(
        session, select(Anomaly).where(*where).order_by(*order), limit=limit, offset=offset
    )


async def _page(
    session: AsyncSession, statement: Select[Row], *, limit: int, offset: int
) -> tuple[Sequence[Row], int]:
    total = await session.scalar(select(func.count()).select_from(statement.subquery()))
    found = await session.execute(statement.limit(limit).offset(offset))
    return found.scalars().all(), total or 0


async def alert(session: AsyncSession, alert_id: int) -> Alert | None:
    """The alert of this id, locked."""
    statement = select(Alert).where(Alert.alert_id == alert_id).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def anomaly(session: AsyncSession, anomaly_id: int) -> Anomaly | None:
    """The anomaly of this id, locked."""
    statement = select(Anomaly).where(Anomaly.anomaly_id == anomaly_id).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


def alert_filters(
    *,
    acknowledged: bool | None = None,
    resolved: bool | None = None,
    severity: str | None = None,
    zone_id: str | None = None,
    worker_id: str | None = None,
    kind: str | None = None,
    span: tuple[datetime, datetime] | None = None,
) -> list[ColumnElement[bool]]:
    """What an alert must be; None is whatever."""
    found: list[ColumnElement[bool]] = []
    if acknowledged is not None:
        found.append(Alert.acknowledged_at.is_not(None) == acknowledged)
    if resolved is not None:
        found.append(Alert.resolved_at.is_not(None) == resolved)
    for column, value in (
        (Alert.severity, severity),
        (Alert.zone_id, zone_id),
        (Alert.worker_id, worker_id),
        (Alert.alert_type, kind),
    ):
        if value is not None:
            found.append(column == value)
    if span is not None:
        found += [Alert.timestamp >= span[0], Alert.timestamp < span[1]]
    return found


def anomaly_filters(
    *,
    resolved: bool | None = None,
    severity: str | None = None,
    zone_id: str | None = None,
    worker_id: str | None = None,
    kind: str | None = None,
    span: tuple[datetime, datetime] | None = None,
) -> list[ColumnElement[bool]]:
    """What an anomaly must be; None is whatever."""
    found: list[ColumnElement[bool]] = []
    if resolved is not None:
        found.append(Anomaly.resolved.is_(resolved))
    for column, value in (
        (Anomaly.severity, severity),
        (Anomaly.zone_id, zone_id),
        (Anomaly.worker_id, worker_id),
        (Anomaly.anomaly_type, kind),
    ):
        if value is not None:
            found.append(column == value)
    if span is not None:
        found += [Anomaly.timestamp >= span[0], Anomaly.timestamp < span[1]]
    return found


def as_row(found: Alert) -> dict[str, Any]:
    """An alert's columns by name."""
    return {column.name: getattr(found, column.name) for column in Alert.__table__.columns}
