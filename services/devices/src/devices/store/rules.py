"""SQL of rules and alerts: what is due, one rule at a time, at most one open alert a rule."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from common.pool import Connection, Pool

MOST_READINGS: Final = 5_000
_CLOCK_SKEW: Final = 2
_DUE: Final = """
SELECT r.id FROM devices.rule r
JOIN devices.series s ON s.device_id = r.device_id AND s.metric = r.metric
WHERE r.enabled AND r.kind <> 'silence'
    AND (r.evaluated_to IS NULL OR s.last_at > r.evaluated_to)
    AND ($1::int[] IS NULL OR r.device_id = ANY($1))
UNION ALL
SELECT id FROM devices.rule WHERE enabled AND kind = 'silence' AND $1::int[] IS NULL
ORDER BY 1
"""
_LOCK: Final = """
SELECT r.*, d.name AS device_name, a.id AS alert_id, p.last_seen_at, p.recent, s.id AS series_id,
    s.last_at
FROM devices.rule r
JOIN devices.device d ON d.id = r.device_id
LEFT JOIN devices.presence p ON p.device_id = r.device_id
LEFT JOIN devices.series s ON s.device_id = r.device_id AND s.metric = r.metric
LEFT JOIN devices.alert a ON a.rule_id = r.id AND a.ended_at IS NULL
WHERE r.id = $1 AND r.enabled FOR UPDATE OF r SKIP LOCKED
"""
_RAISE: Final = """
INSERT INTO devices.alert (device_id, rule_id, metric, kind, severity, message, value, began_at)
VALUES ($1, $2, $3, $4, $5, $6, round($7::float8::numeric, 10), $8)
ON CONFLICT DO NOTHING RETURNING *
"""
_SHOWN: Final = """
SELECT a.*, d.name AS device_name FROM devices.alert a JOIN devices.device d ON d.id = a.device_id
"""


class DueRule(NamedTuple):
    """A locked rule with what it needs to be evaluated."""

    id: int
    device_id: int
    device_name: str
    metric: str
    kind: str
    severity: str
    parameters: dict[str, Any]
    state: dict[str, Any]
    evaluated_to: datetime | None
    alert_id: int | None
    last_seen_at: datetime | None
    recent: list[datetime]
    series_id: int | None
    last_at: datetime | None


async def due_rules(pool: Pool, devices: Sequence[int] | None) -> list[int]:
    """Rules with something new to look at: of these devices, or, with silence rules, of all."""
    async with pool.connection() as connection:
        wanted = None if devices is None else list(devices)
        return [row["id"] for row in await connection.fetch(_DUE, wanted)]


async def ruled_devices(pool: Pool) -> set[int]:
    """Devices that have a rule over readings."""
    query = "SELECT DISTINCT device_id FROM devices.rule WHERE enabled AND kind <> 'silence'"
    async with pool.connection() as connection:
        return {row["device_id"] for row in await connection.fetch(query)}


async def lock_rule(connection: Connection, rule_id: int) -> DueRule | None:
    """The rule, locked until the transaction's end; None when another replica has it."""
    row = await connection.fetchrow(_LOCK, rule_id)
    if row is None:
        return None
    found = dict(row)
    found["parameters"] = orjson.loads(found["parameters"])
    found["state"] = orjson.loads(found["state"])
    found["recent"] = found["recent"] or []
    return DueRule(**{name: found[name] for name in DueRule._fields})


async def new_readings(connection: Connection, rule: DueRule) -> list[tuple[datetime, float]]:
    """What the rule has not seen, oldest first; readings from a clock ahead are left out."""
    if rule.series_id is None or rule.last_at is None:
        return []
    rows = await connection.fetch(
        """
        SELECT timestamp, value::float8 FROM devices.measurement
        WHERE series_id = $1 AND quality <> $4
            AND (timestamp > $2 OR ($2::timestamptz IS NULL AND timestamp >= $3))
        ORDER BY timestamp, id LIMIT $5
        """,
        rule.series_id,
        rule.evaluated_to,
        rule.last_at,
        _CLOCK_SKEW,
        MOST_READINGS,
    )
    return [(row[0], row[1]) for row in rows]


async def keep_progress(
    connection: Connection, rule: DueRule, *, state: dict[str, Any], evaluated_to: datetime
) -> None:
    """What the rule remembers, and up to which time it has looked."""
    await connection.execute(
        "UPDATE devices.rule SET state = $2, evaluated_to = $3 WHERE id = $1",
        rule.id,
        orjson.dumps(state).decode(),
        evaluated_to,
    )


async def raise_alert(
    connection: Connection, rule: DueRule, *, message: str, value: float, began_at: datetime
) -> dict[str, Any] | None:
    """Open an alert; None when one of this rule is open already."""
    row = await connection.fetchrow(
        _RAISE,
        rule.device_id,
        rule.id,
        rule.metric,
        rule.kind,
        rule.severity,
        f"{rule.device_name}: {message}",
        value,
        began_at,
    )
    return dict(row) if row else None


async def end_alert(
    connection: Connection, rule_id: int, *, ended_at: datetime
) -> dict[str, Any] | None:
    """End the open alert of a rule; None when there is none."""
    row = await connection.fetchrow(
        "UPDATE devices.alert SET ended_at = GREATEST($2, began_at)"
        " WHERE rule_id = $1 AND ended_at IS NULL RETURNING *",
        rule_id,
        ended_at,
    )
    return dict(row) if row else None


async def alerts_of(
    pool: Pool, device_id: int | None, *, is_open: bool | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Alerts of a device, or of all, newest first, and how many there are."""
    where = (
        " WHERE ($1::int IS NULL OR a.device_id = $1)"
        " AND ($2::boolean IS NULL OR (a.ended_at IS NULL) = $2)"
    )
    async with pool.transaction(snapshot=True) as connection:
        count = await connection.fetchval(
            f"SELECT count(*) FROM devices.alert a{where}", device_id, is_open
        )
        rows = await connection.fetch(
            f"{_SHOWN}{where} ORDER BY a.id DESC LIMIT $3 OFFSET $4",
            device_id,
            is_open,
            limit,
            offset,
        )
    return [dict(row) for row in rows], int(count)
