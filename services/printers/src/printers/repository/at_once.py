"""Printers and their jobs read and written without locks: two round trips, for any number of them.

A printer's row stands for its jobs as well: whoever changes a job changes its printer's row in the
same transaction. PostgreSQL's `xmin` tells whether that has happened since the row was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from asyncpg import Record

from common.pool import Connection
from printers.models import Job, Printer

_PRINTER: Final = (
    "printer_id", "driver", "reported_state", "is_offline", "last_seen_at", "link_seen_at",
    "link_state", "link_error", "readings", "camera_score",
)  # fmt: skip
_JOB: Final = tuple(column.name for column in Job.__table__.columns)
_COLUMNS: Final = ", ".join((*(f"p.{name}" for name in _PRINTER), *(f"j.{name}" for name in _JOB)))
# How long prints of a file take is asked only where an estimate needs it.
_SEEN: Final = f"""
SELECT {_COLUMNS}, p.xmin AS version,
    CASE WHEN j.remaining_s IS NULL OR j.first_estimate IS NULL THEN (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY printed_s) FROM (
            SELECT printed_s FROM printers.jobs
            WHERE model_file = j.model_file AND status = 'completed' AND printed_s > 0
            ORDER BY completed_at DESC LIMIT 20) AS earlier
    ) END AS usual_s
FROM printers.printers p LEFT JOIN printers.jobs j ON j.printer_id = p.printer_id
    AND j.status IN ('pending', 'preparing', 'printing', 'paused')
"""
_SEEN_ALL: Final = f"{_SEEN} WHERE p.printer_id = ANY($1) ORDER BY p.printer_id, j.id"
_SEEN_BY_KEY: Final = f"{_SEEN} WHERE p.printer_id = $1 AND p.key_hash = $2 AND j.id = $3"
# Whoever waits for a lock would write over what the other wrote: those rows are left out.
_SAVE: Final = """
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::xid[], $3::text[], $4::text[], $5::jsonb[],
        $6::timestamptz[], $7::timestamptz[], $8::int[], $9::float8[], $10::text[], $11::jsonb[],
        $12::timestamptz[], $13::timestamptz[], $14::float8[], $15::float8[], $16::timestamptz[],
        $17::timestamptz[], $18::text[], $19::float8[], $20::bigint[], $21::timestamptz[],
        $22::jsonb[])
    AS told(printer_id, version, reported_state, link_state, printer_readings,
        last_seen_at, link_seen_at, job_id, progress, message, metrics,
        updated_at, printing_since, printed_s, remaining_s, remaining_at,
        first_estimate, first_estimate_source, filament_used_mm, bucket, at, readings)
), held AS (
    SELECT told.* FROM told JOIN printers.printers p USING (printer_id)
    WHERE p.xmin = told.version ORDER BY p.printer_id FOR NO KEY UPDATE OF p SKIP LOCKED
), seen AS (
    UPDATE printers.printers p SET reported_state = held.reported_state,
        link_state = held.link_state,
        link_error = CASE WHEN held.link_state = 'up' THEN NULL ELSE p.link_error END,
        readings = held.printer_readings,
        last_seen_at = held.last_seen_at, link_seen_at = held.link_seen_at
    FROM held WHERE p.printer_id = held.printer_id
), kept AS (
    INSERT INTO printers.points AS old (job_id, bucket, at, readings)
    SELECT job_id, bucket, at, readings FROM held WHERE bucket IS NOT NULL
    ON CONFLICT (job_id, bucket) DO UPDATE SET at = GREATEST(old.at, excluded.at),
        readings = CASE WHEN excluded.at >= old.at THEN old.readings || excluded.readings
            ELSE excluded.readings || old.readings END
    RETURNING job_id, (xmax = 0) AS is_new
), followed AS (
    UPDATE printers.jobs j SET progress = held.progress, message = held.message,
        metrics = held.metrics, updated_at = held.updated_at,
        printing_since = held.printing_since, printed_s = held.printed_s,
        remaining_s = held.remaining_s, remaining_at = held.remaining_at,
        first_estimate = held.first_estimate, first_estimate_source = held.first_estimate_source,
        filament_used_mm = held.filament_used_mm,
        point_count = j.point_count + COALESCE(kept.is_new, false)::int
    FROM held LEFT JOIN kept USING (job_id) WHERE j.id = held.job_id
)
SELECT printer_id FROM held
"""


@dataclass(slots=True)
class Seen:
    """A printer and its active jobs, oldest first, as they were at one moment.

    The rows belong to no session: changing them stores nothing.
    """

    printer: Printer
    version: int
    jobs: list[Job] = field(default_factory=list)
    usual_s: dict[int, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """What was measured of a job, and the point of its history that this belongs to."""

    bucket: int
    at: datetime
    readings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A printer as it is to be stored, with the job that changed and a point of its history."""

    seen: Seen
    job: Job | None = None
    mark: Mark | None = None

    @property
    def row(self) -> tuple[Any, ...]:
        """The values of `_SAVE`."""
        printer = self.seen.printer
        return (
            printer.printer_id,
            self.seen.version,
            printer.reported_state,
            printer.link_state,
            _text(printer.readings),
            printer.last_seen_at,
            printer.link_seen_at,
            *(_job_row(self.job) if self.job is not None else (None,) * 12),
            *_mark_row(self.mark),
        )


async def seen_of(connection: Connection, printer_ids: Sequence[str]) -> dict[str, Seen]:
    """By id, the printers that there are."""
    found: dict[str, Seen] = {}
    for row in await connection.fetch(_SEEN_ALL, list(printer_ids)):
        _add(found, row)
    return found


async def seen_by_key(
    connection: Connection, printer_id: str, key_hash: str, *, job_id: int
) -> Seen | None:
    """The printer whose key this is with the one active job of this id; None without either."""
    found: dict[str, Seen] = {}
    for row in await connection.fetch(_SEEN_BY_KEY, printer_id, key_hash, job_id):
        _add(found, row)
    return found.get(printer_id)


async def save(connection: Connection, changes: Sequence[Change]) -> set[str]:
    """Store each printer that nobody has changed since it was read, whole; the ids of those.

    Args:
        connection: one outside of any transaction.
        changes: at most one for each printer.
    """
    if not changes:
        return set()
    columns = zip(*(change.row for change in changes), strict=True)
    return {row["printer_id"] for row in await connection.fetch(_SAVE, *map(list, columns))}


def _add(found: dict[str, Seen], row: Record) -> None:
    width = len(_PRINTER)
    printer_id: str = row[0]
    seen = found.get(printer_id)
    if seen is None:
        values = dict(zip(_PRINTER, row[:width], strict=True))
        values["readings"] = orjson.loads(values["readings"])
        seen = found[printer_id] = Seen(Printer(**values), row["version"])
    if row[width] is not None:
        values = dict(zip(_JOB, row[width : width + len(_JOB)], strict=True))
        values["metrics"] = orjson.loads(values["metrics"])
        seen.jobs.append(Job(**values))
        seen.usual_s[values["id"]] = row["usual_s"]


def _job_row(job: Job) -> tuple[Any, ...]:
    return (
        job.id,
        job.progress,
        job.message,
        _text(job.metrics),
        job.updated_at,
        job.printing_since,
        job.printed_s,
        job.remaining_s,
        job.remaining_at,
        job.first_estimate,
        job.first_estimate_source,
        job.filament_used_mm,
    )


def _mark_row(mark: Mark | None) -> tuple[Any, ...]:
    if mark is None:
        return (None, None, None)
    return (mark.bucket, mark.at, _text(mark.readings))


def _text(values: Mapping[str, Any]) -> str:
    return orjson.dumps(values).decode()
