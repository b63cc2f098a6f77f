"""Alerts and anomalies: listed, acknowledged with who, when and what, resolved."""

from datetime import UTC, datetime
from typing import Any

from common.auth import Principal
from common.db import Database
from tracking.events import platform_alert
from tracking.models import Alert, Anomaly
from tracking.repository import alerts
from tracking.schemas.alerts import (
    Acknowledgement,
    AlertList,
    AlertView,
    AnomalyList,
    AnomalyView,
    PlatformAlert,
    Resolution,
)
from tracking.service.gone import AlertGone, AnomalyGone
from tracking.service.telling import Teller

_MOST = 2**31 - 1


class AttentionService:
    """What people do with what the rules found."""

    def __init__(self, database: Database, teller: Teller) -> None:
        self._database = database
        self._teller = teller

    async def alerts(self, *, limit: int, offset: int, **wanted: Any) -> AlertList:
        """One page of alerts."""
        async with self._database.transaction() as session:
            found, total = await alerts.alert_page(
                session, alerts.alert_filters(**wanted), limit=limit, offset=offset
            )
        views = [alert_view(one) for one in found]
        return AlertList(total=total, limit=limit, offset=offset, alerts=views)

    async def anomalies(self, *, limit: int, offset: int, **wanted: Any) -> AnomalyList:
        """One page of anomalies."""
        async with self._database.transaction() as session:
            found, total = await alerts.anomaly_page(
                session, alerts.anomaly_filters(**wanted), limit=limit, offset=offset
            )
        views = [anomaly_view(one) for one in found]
        return AnomalyList(total=total, limit=limit, offset=offset, anomalies=views)

    async def platform(self, *, only_open: bool) -> list[PlatformAlert]:
        """Alerts for the list of the whole platform, newest first."""
        wanted = alerts.alert_filters(resolved=False if only_open else None)
        async with self._database.transaction() as session:
            found, _ = await alerts.alert_page(session, wanted, limit=500, offset=0)
        return [PlatformAlert(**platform_alert(alerts.as_row(one))) for one in found]

    async def acknowledge(
        self, alert_id: int, said: Acknowledgement, caller: Principal
    ) -> AlertView:
        """Note who looks after an alert; it stays open until its cause has ended.

        Raises:
            AlertGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            alert = await alerts.alert(session, alert_id) if alert_id <= _MOST else None
            if alert is None:
                raise AlertGone(alert_id)
            if alert.acknowledged_at is None or said.acknowledged_by or said.action_taken:
                alert.acknowledged_by = said.acknowledged_by or _name(caller)
                alert.acknowledged_at = datetime.now(UTC)
                alert.action_taken = said.action_taken or alert.action_taken
        await self._teller.alerts([alerts.as_row(alert)])
        return alert_view(alert)

    async def resolve(self, anomaly_id: int, said: Resolution, caller: Principal) -> AnomalyView:
        """Note what an anomaly was.

        Raises:
            AnomalyGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            anomaly = await alerts.anomaly(session, anomaly_id) if anomaly_id <= _MOST else None
            if anomaly is None:
                raise AnomalyGone(anomaly_id)
            anomaly.resolved = True
            anomaly.resolved_at = anomaly.resolved_at or datetime.now(UTC)
            anomaly.resolved_by = said.resolved_by or anomaly.resolved_by or _name(caller)
            anomaly.root_cause = said.root_cause or anomaly.root_cause
            if said.root_cause:
                # What it was is part of what is looked for by meaning.
                anomaly.embedding = None
        return anomaly_view(anomaly)


def _name(caller: Principal) -> str:
    return caller.subject or caller.name


def alert_view(alert: Alert) -> AlertView:
    """An alert as users see it."""
    row = alerts.as_row(alert)
    return AlertView(
        **{name: row[name] for name in AlertView.model_fields if name in row},
        resolved=alert.resolved_at is not None,
        acknowledged=alert.acknowledged_at is not None,
    )


def anomaly_view(anomaly: Anomaly) -> AnomalyView:
    """An anomaly as users see it."""
    return AnomalyView(**{name: getattr(anomaly, name) for name in AnomalyView.model_fields})
