"""The platform's list of alerts: our own findings and what every service tells (chapter 9).

A change is held here until PostgreSQL has taken it, and shown meanwhile: that the database is down
is told while it is down.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from cluster.damping import Change
from cluster.gathering import Told, alert_id
from cluster.judging import Finding, Severity
from cluster.models import Alert
from cluster.repository import alerts
from cluster.schemas.shapes import AlertInfo, AlertTotals
from common.bus import Bus, subject
from common.db import Database

SOURCE: Final = "cluster"
_MOST_WAITING: Final = 5_000
_log = logging.getLogger("alerts")


@dataclass(frozen=True)
class Pending:
    """A change that the database has not taken yet."""

    told: Told
    id: str
    affected: tuple[str, ...] = ()


Listener = Callable[[AlertInfo, str], Awaitable[None]]


class AlertBook:
    """Takes changes in, keeps them, lists them."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        # By cause, and whether it ends: a beginning and its end may both wait.
        self._waiting: OrderedDict[tuple[str, bool], Pending] = OrderedDict()
        self._own: dict[str, tuple[str, datetime]] = {}
        self._news = asyncio.Event()
        self.listeners: list[Listener] = []

    @property
    def has_waiting(self) -> bool:
        """True while the store has not taken everything yet."""
        return bool(self._waiting)

    async def found(self, change: Change) -> None:
        """Take in a change of our own findings, and tell the bus at once."""
        now, cause = datetime.now(UTC), change.finding.cause
        identity, began_at = self._own.setdefault(cause, (alert_id(cause, now), now))
        if change.kind == "resolved":
            del self._own[cause]
        told = _told_of(change, began_at=began_at, now=now)
        pending = Pending(told, identity, change.finding.affected)
        self._wait(pending)
        if not self._bus.is_connected:
            return
        await self._bus.publish(subject("alert", SOURCE, identity), _event(pending))

    async def told(self, told: Told) -> None:
        """Take in what a service told."""
        self._wait(Pending(told, alert_id(told.cause, told.began_at)))

    def _wait(self, pending: Pending) -> None:
        key = (pending.told.cause, pending.told.resolved_at is not None)
        self._waiting.pop(key, None)
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popitem(last=False)
        self._waiting[key] = pending
        self._news.set()

    async def keep_for_ever(self) -> None:
        """Write changes down as they come; what the database refuses to take now is kept."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                key, pending = next(iter(self._waiting.items()))
                try:
                    await self._keep(pending)
                except (SQLAlchemyError, OSError, TimeoutError) as error:
                    _log.warning("alerts cannot be stored yet: %s", type(error).__name__)
                    await asyncio.sleep(1)
                else:
                    if self._waiting.get(key) is pending:
                        del self._waiting[key]

    async def _keep(self, pending: Pending) -> None:
        told = pending.told
        async with self._database.transaction() as session:
            if told.resolved_at is None:
                kept = await alerts.raise_for(session, _row(pending))
                alert, kind = (None, "") if kept is None else (kept[0], "raised" if kept[1] else "")
            else:
                alert = await alerts.resolve(
                    session, told.cause, at=told.resolved_at, told_at=told.told_at
                )
                if alert is None:
                    alert = await self._keep_past(session, pending)
                kind = "resolved" if alert is not None else ""
        if alert is not None and alert.resolved_at is None and told.source == SOURCE:
            self._own[told.cause] = (alert.id, alert.began_at)
        if alert is not None and kind:
            for listener in self.listeners:
                await listener(alert_info(alert), alert.cause)

    @staticmethod
    async def _keep_past(session: Any, pending: Pending) -> Alert | None:
        """An alert of ours that ended before it could be stored is history all the same."""
        told = pending.told
        if told.source != SOURCE or told.resolved_at is None:
            return None
        kept = await alerts.raise_for(session, _row(pending))
        if kept is None:
            return None
        return await alerts.resolve(session, told.cause, at=told.resolved_at, told_at=told.told_at)

    async def listed(
        self,
        *,
        severity: Severity | None = None,
        component: str | None = None,
        resolved: bool | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[AlertInfo]:
        """Alerts, newest first; from memory alone while the database is down."""
        waiting = {
            pending.told.cause: info
            for pending in self._waiting.values()
            if (info := _info_of(pending)) is not None
        }
        try:
            async with self._database.transaction() as session:
                rows = await alerts.listed(
                    session,
                    severity=severity,
                    component=component,
                    resolved=resolved,
                    since=since,
                    limit=limit,
                )
        except (SQLAlchemyError, OSError, TimeoutError):
            rows = []
        shown = [alert_info(row) for row in rows if row.cause not in waiting]
        shown += [
            info
            for info in waiting.values()
            if severity in (None, info.severity)
            and component in (None, info.component)
            and resolved in (None, info.resolved)
            and (since is None or info.timestamp >= since)
        ]
        return sorted(shown, key=lambda one: one.timestamp, reverse=True)[:limit]

    async def totals(self) -> AlertTotals:
        """Open alerts by severity."""
        shown = await self.listed(resolved=False, limit=10_000)
        counts: dict[str, int] = {}
        for alert in shown:
            counts[alert.severity] = counts.get(alert.severity, 0) + 1
        return AlertTotals(total=len(shown), **counts)

    async def open_findings(self) -> list[Finding]:
        """Our own findings that are open in the store, as another replica left them."""
        async with self._database.transaction() as session:
            rows = await alerts.open_of(session, SOURCE)
        self._own |= {row.cause: (row.id, row.began_at) for row in rows}
        return [
            Finding(
                row.cause,
                _severity(row.severity),
                row.component,
                row.message,
                tuple(str(name) for name in row.affected),
            )
            for row in rows
        ]


def _severity(word: str) -> Severity:
    return word if word in ("info", "warning", "critical") else "warning"  # type: ignore[return-value] # mypy does not narrow by a tuple


def _told_of(change: Change, *, began_at: datetime, now: datetime) -> Told:
    finding = change.finding
    return Told(
        cause=finding.cause,
        severity=finding.severity,
        component=finding.component,
        message=finding.message,
        source=SOURCE,
        began_at=began_at,
        resolved_at=now if change.kind == "resolved" else None,
        told_at=now,
    )


def _row(pending: Pending) -> Alert:
    told = pending.told
    return Alert(
        id=pending.id,
        cause=told.cause,
        severity=told.severity,
        component=told.component,
        message=told.message,
        source=told.source,
        affected=list(pending.affected),
        began_at=told.began_at,
        # A row that is resolved in the same breath must not look older than itself.
        updated_at=told.told_at if told.resolved_at is None else told.began_at,
    )


def alert_info(row: Alert) -> AlertInfo:
    """A row as users see it."""
    return AlertInfo(
        id=row.id,
        severity=_severity(row.severity),
        component=row.component,
        message=row.message,
        timestamp=row.began_at,
        resolved=row.resolved_at is not None,
        source=row.source,
        resolved_at=row.resolved_at,
        affected=[str(name) for name in row.affected],
    )


def _info_of(pending: Pending) -> AlertInfo | None:
    told = pending.told
    if told.resolved_at is not None and told.source != SOURCE:
        return None
    return AlertInfo(
        id=pending.id,
        severity=told.severity,
        component=told.component,
        message=told.message,
        timestamp=told.began_at,
        resolved=told.resolved_at is not None,
        source=told.source,
        resolved_at=told.resolved_at,
        affected=list(pending.affected),
    )


def _event(pending: Pending) -> dict[str, Any]:
    info = _info_of(pending)
    assert info is not None
    return {**info.model_dump(mode="json"), "cause": pending.told.cause, "type": "alert"}
