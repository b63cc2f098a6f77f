"""Cameras that fell silent, hours nobody has judged yet, and what one replica does for all."""

from datetime import datetime
from typing import Any, Final

from common.pool import Connection

_SILENT: Final = """
UPDATE tracking.camera_states s SET is_offline = true FROM tracking.cameras c
WHERE c.camera_id = s.camera_id AND c.active AND NOT s.is_offline
AND s.heard_at < now() - make_interval(secs => $1)
RETURNING s.camera_id, s.clock_s, s.heard_at
"""
# The stays of a dark camera are unseen from its last frame on.
_DARKEN: Final = """
WITH dark AS (
    UPDATE tracking.sessions SET state = 'unseen'
    WHERE camera_id = $1 AND exit_time IS NULL AND state <> 'unseen'
    RETURNING session_id, until
), closed AS (
    UPDATE tracking.stretches t SET ended_at = $2 FROM dark d
    WHERE t.session_id = d.session_id AND t.ended_at IS NULL AND t.started_at < $2
)
INSERT INTO tracking.stretches (session_id, started_at, state)
SELECT session_id, $2, 'unseen' FROM dark
ON CONFLICT (session_id, started_at) DO UPDATE SET state = 'unseen', ended_at = NULL
"""
_LOST: Final = """
SELECT s.camera_id FROM tracking.camera_states s JOIN tracking.cameras c USING (camera_id)
WHERE (NOT c.active OR s.heard_at < now() - make_interval(secs => $1))
AND (EXISTS (SELECT 1 FROM tracking.sessions x
        WHERE x.camera_id = s.camera_id AND x.exit_time IS NULL)
    OR NOT c.active AND EXISTS (SELECT 1 FROM tracking.alerts a
        WHERE a.camera_id = s.camera_id AND a.resolved_at IS NULL))
"""
_CLOSE_DARK: Final = """
DELETE FROM tracking.stretches t USING tracking.sessions s
WHERE t.session_id = s.session_id AND s.session_id = ANY($1)
AND s.exit_time IS NOT NULL AND t.started_at >= s.exit_time AND t.started_at > s.entry_time
"""
_UNJUDGED: Final = """
SELECT camera_id, clock_s, judged_until FROM tracking.camera_states
WHERE clock_s IS NOT NULL
AND (judged_until IS NULL OR to_timestamp(clock_s) >= judged_until + interval '1 hour')
ORDER BY camera_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_JUDGED: Final = "UPDATE tracking.camera_states SET judged_until = $2 WHERE camera_id = $1"
# One row an hour of a zone, by the factory's clock, with the time that was seen in it.
_HOURS: Final = """
SELECT x.since, sum(extract(epoch FROM least(coalesce(t.ended_at, s.until), x.till)
        - greatest(t.started_at, x.since))) FILTER (WHERE t.state = 'active') AS active_s,
    sum(extract(epoch FROM least(coalesce(t.ended_at, s.until), x.till)
        - greatest(t.started_at, x.since))) FILTER (WHERE t.state = 'idle') AS idle_s
FROM unnest($2::timestamptz[], $3::timestamptz[]) AS x(since, till)
JOIN tracking.sessions s ON s.zone_id = $1 AND s.entry_time < x.till
    AND s.entry_time > x.since - interval '1 day' AND s.until > x.since
JOIN tracking.stretches t ON t.session_id = s.session_id AND t.state <> 'unseen'
    AND t.started_at < x.till AND coalesce(t.ended_at, s.until) > x.since
GROUP BY 1
"""
_TICK: Final = """
INSERT INTO tracking.ticks (name, done_at) VALUES ($1, now())
ON CONFLICT (name) DO UPDATE SET done_at = now()
WHERE tracking.ticks.done_at <= now() - make_interval(secs => $2) RETURNING name
"""
_TURN: Final = """
INSERT INTO tracking.ticks (name, done_at, value) VALUES ($1, now(), $2)
ON CONFLICT (name) DO UPDATE SET done_at = now(), value = excluded.value
WHERE tracking.ticks.value IS DISTINCT FROM excluded.value RETURNING name
"""


async def silent(connection: Connection, *, after_s: float) -> list[dict[str, Any]]:
    """Mark cameras as offline that were not heard for so long."""
    return [dict(row) for row in await connection.fetch(_SILENT, after_s)]


async def darken(connection: Connection, camera_id: str, since: datetime) -> None:
    """Note that a camera's open stays are unseen from here on."""
    await connection.execute(_DARKEN, camera_id, since)


async def lost(connection: Connection, *, after_s: float) -> list[str]:
    """Cameras out of use, or silent for longer than any stay lasts, that still have one."""
    return [row["camera_id"] for row in await connection.fetch(_LOST, after_s)]


async def close_dark(connection: Connection, session_ids: list[str]) -> None:
    """Remove the unseen time after the end of these stays: they ended at the last sight."""
    await connection.execute(_CLOSE_DARK, session_ids)


async def unjudged(connection: Connection) -> dict[str, Any] | None:
    """A camera that has gone through an hour which nobody has judged yet, locked."""
    row = await connection.fetchrow(_UNJUDGED)
    return dict(row) if row is not None else None


async def judged(connection: Connection, camera_id: str, until: datetime) -> None:
    """Note up to when a camera's hours have been judged."""
    await connection.execute(_JUDGED, camera_id, until)


async def hours(
    connection: Connection, zone_id: str, spans: list[tuple[datetime, datetime]]
) -> dict[datetime, tuple[float, float]]:
    """Active and idle seconds of a zone in each of these hours that had any."""
    since, till = [start for start, _ in spans], [end for _, end in spans]
    found = await connection.fetch(_HOURS, zone_id, since, till)
    return {row["since"]: (float(row["active_s"] or 0), float(row["idle_s"] or 0)) for row in found}


async def is_due(connection: Connection, name: str, *, every_s: float) -> bool:
    """True for the one replica that does this now."""
    return await connection.fetchval(_TICK, name, every_s) is not None


async def has_turned(connection: Connection, name: str, value: int | None) -> bool:
    """True for the one replica that notes this new value."""
    return await connection.fetchval(_TURN, name, value) is not None
