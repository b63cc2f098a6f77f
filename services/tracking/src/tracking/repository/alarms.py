"""Writes alerts and anomalies: one of each is open for a cause, and a replay doubles none."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from common.pool import Connection

_SAME: Final = timedelta(seconds=90)
# An alarm that was raised before a replay is the same one afterwards, even when it has ended.
_AGAIN: Final = """
UPDATE tracking.{table} SET {ended} = NULL, updated_at = timestamp
WHERE {key} = (
    SELECT {key} FROM tracking.{table}
    WHERE cause = $1 AND timestamp BETWEEN $2 AND $3 AND {ended} IS NOT NULL
    ORDER BY timestamp DESC LIMIT 1)
AND NOT EXISTS (SELECT 1 FROM tracking.{table} WHERE cause = $1 AND {ended} IS NULL)
RETURNING *
"""
_RAISE_ALERT: Final = """
INSERT INTO tracking.alerts (cause, alert_type, severity, camera_id, zone_id, worker_id,
    session_id, message, timestamp, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (cause) WHERE resolved_at IS NULL
DO UPDATE SET message = excluded.message,
    updated_at = greatest(tracking.alerts.updated_at, excluded.updated_at)
RETURNING *
"""
_RAISE_ANOMALY: Final = """
INSERT INTO tracking.anomalies (cause, anomaly_type, severity, camera_id, zone_id, worker_id,
    session_id, description, timestamp, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (cause) WHERE ended_at IS NULL
DO UPDATE SET description = excluded.description,
    updated_at = greatest(tracking.anomalies.updated_at, excluded.updated_at)
RETURNING *
"""
_END_ALERT: Final = """
UPDATE tracking.alerts SET resolved_at = greatest($2, timestamp), updated_at = $2
WHERE cause = $1 AND resolved_at IS NULL RETURNING *
"""
_END_ANOMALY: Final = """
UPDATE tracking.anomalies SET ended_at = greatest($2, timestamp), updated_at = $2
WHERE cause = $1 AND ended_at IS NULL
"""
_UNDONE: Final = """
UPDATE tracking.alerts SET resolved_at = timestamp, updated_at = timestamp
WHERE camera_id = $1 AND timestamp > $2 AND resolved_at IS NULL AND cause <> ALL($3)
AND alert_type NOT IN ('camera_offline', 'productivity_drop') RETURNING *
"""
_ALL_ENDED: Final = """
UPDATE tracking.alerts SET resolved_at = now(), updated_at = now()
WHERE camera_id = $1 AND resolved_at IS NULL AND (alert_type <> 'camera_offline' OR $2) RETURNING *
"""
ANOMALY_SEVERITY: Final = {"info": "low", "warning": "medium", "critical": "high"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a rule found."""

    cause: str
    kind: str
    severity: str
    message: str
    at: datetime
    camera_id: str | None = None
    zone_id: str | None = None
    worker_id: str | None = None
    session_id: str | None = None
    has_anomaly: bool = True


async def raised(
    connection: Connection, finding: Finding, *, is_replay: bool = False
) -> dict[str, Any]:
    """The open alert of a cause, new or updated; its anomaly beside it."""
    if finding.has_anomaly:
        severity = ANOMALY_SEVERITY[finding.severity]
        if not is_replay or not await _reopened(connection, "anomalies", finding):
            await connection.fetchrow(_RAISE_ANOMALY, *_values(finding, severity))
    again = await _reopened(connection, "alerts", finding) if is_replay else None
    if again is not None:
        return again
    row = await connection.fetchrow(_RAISE_ALERT, *_values(finding, finding.severity))
    assert row is not None
    return dict(row)


def _values(finding: Finding, severity: str) -> tuple[Any, ...]:
    return (
        finding.cause,
        finding.kind,
        severity,
        finding.camera_id,
        finding.zone_id,
        finding.worker_id,
        finding.session_id,
        finding.message,
        finding.at,
    )


async def _reopened(connection: Connection, table: str, finding: Finding) -> dict[str, Any] | None:
    ended, key = ("resolved_at", "alert_id") if table == "alerts" else ("ended_at", "anomaly_id")
    statement = _AGAIN.format(table=table, ended=ended, key=key)
    row = await connection.fetchrow(
        statement, finding.cause, finding.at - _SAME, finding.at + _SAME
    )
    return dict(row) if row is not None else None


async def ended(connection: Connection, cause: str, at: datetime) -> dict[str, Any] | None:
    """The alert of a cause that has ended; None when none was open."""
    await connection.execute(_END_ANOMALY, cause, at)
    row = await connection.fetchrow(_END_ALERT, cause, at)
    return dict(row) if row is not None else None


async def undone(
    connection: Connection, camera_id: str, *, after: datetime, kept: list[str]
) -> list[dict[str, Any]]:
    """Close the alerts that a replay did not raise again."""
    found = await connection.fetch(_UNDONE, camera_id, after, kept)
    for row in found:
        await connection.execute(_END_ANOMALY, row["cause"], row["timestamp"])
    return [dict(row) for row in found]


async def all_ended(
    connection: Connection, camera_id: str, *, with_offline: bool
) -> list[dict[str, Any]]:
    """Close the alerts of a camera that nobody can say anything of any more."""
    found = await connection.fetch(_ALL_ENDED, camera_id, with_offline)
    for row in found:
        await connection.execute(_END_ANOMALY, row["cause"], row["resolved_at"])
    return [dict(row) for row in found]
