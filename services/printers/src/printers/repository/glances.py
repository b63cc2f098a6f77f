"""What is asked all day long, mostly to learn that there is nothing to do: one cheap query each."""

from datetime import datetime
from typing import Final

from common.pool import Connection

_BRIDGED: Final = "SELECT printer_id, revision FROM printers.printers WHERE driver = ANY($1)"
_HAS_CAMERA_WORK: Final = """
SELECT EXISTS (SELECT FROM printers.printers p WHERE p.camera IS NOT NULL AND EXISTS (
    SELECT FROM printers.jobs j WHERE j.printer_id = p.printer_id AND j.status = 'printing'))
"""
_HAS_GONE_STALE: Final = """
SELECT EXISTS (SELECT FROM printers.printers WHERE NOT is_offline AND last_seen_at < $1)
    OR EXISTS (SELECT FROM printers.commands WHERE state IN ('requested', 'sent')
        AND requested_at < $2)
"""
_COUNTS: Final = """
SELECT p.reported_state, p.is_offline, (
    SELECT j.status FROM printers.jobs j WHERE j.printer_id = p.printer_id
        AND j.status IN ('pending', 'preparing', 'printing', 'paused')
    ORDER BY j.status = 'pending', j.id DESC LIMIT 1) AS job_status, count(*) AS count
FROM printers.printers p GROUP BY 1, 2, 3
"""


async def bridged(connection: Connection, drivers: list[str]) -> dict[str, int]:
    """The revisions of all printers that these bridges speak for."""
    found = await connection.fetch(_BRIDGED, drivers)
    return {row["printer_id"]: row["revision"] for row in found}


async def has_camera_work(connection: Connection) -> bool:
    """True when a printer with a camera prints."""
    return bool(await connection.fetchval(_HAS_CAMERA_WORK))


async def has_gone_stale(
    connection: Connection, *, seen_before: datetime, asked_before: datetime
) -> bool:
    """True when a printer has been silent since then, or a command is open since then."""
    return bool(await connection.fetchval(_HAS_GONE_STALE, seen_before, asked_before))


async def counts(connection: Connection) -> list[tuple[str, bool, str | None, int]]:
    """How many printers there are by what they report, by silence and by their job's state."""
    return [tuple(row) for row in await connection.fetch(_COUNTS)]
