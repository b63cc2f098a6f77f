"""All figures, reckoned in SQL from sessions and their stretches.

A stretch counts in a range by the part of it that lies there; so hours sum up to days, and a stay
over midnight belongs to both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

# A stay does not last longer than this: the range of entries that must be looked at.
_CUT: Final = """
WITH cut AS (
    SELECT s.session_id, s.zone_id, s.worker_id, t.state,
        coalesce(s.worker_id, 'UNKNOWN-' || s.track_id) AS name,
        greatest(t.started_at, :start) AS a,
        least(coalesce(t.ended_at, CASE WHEN t.state = 'unseen'
            THEN t.started_at + greatest(now() - c.heard_at, interval '0') ELSE s.until END),
            :end) AS b
    FROM tracking.sessions s
    JOIN tracking.stretches t USING (session_id)
    LEFT JOIN tracking.camera_states c USING (camera_id)
    WHERE s.entry_time < :end AND s.entry_time > CAST(:start AS timestamptz) - interval '3 days'
        AND (s.until >= :start OR s.exit_time IS NULL)
        AND (CAST(:zone_id AS text) IS NULL OR s.zone_id = :zone_id)
        AND (CAST(:worker_id AS text) IS NULL OR s.worker_id = :worker_id)
        AND t.started_at < :end AND (t.ended_at IS NULL OR t.ended_at > :start)
)
"""
_SECONDS: Final = """
    coalesce(sum(extract(epoch FROM {span})) FILTER (WHERE state = 'active'), 0)::float8,
    coalesce(sum(extract(epoch FROM {span})) FILTER (WHERE state = 'idle'), 0)::float8,
    coalesce(sum(extract(epoch FROM {span})) FILTER (WHERE state = 'unseen'), 0)::float8,
    count(DISTINCT session_id), count(DISTINCT name), count(DISTINCT worker_id)
"""
_WHOLE: Final = _SECONDS.format(span="(b - a)")
_PART: Final = _SECONDS.format(span="(least(b, x.till) - greatest(a, x.since))")
_TOTAL: Final = text(f"{_CUT} SELECT {_WHOLE} FROM cut WHERE b > a")
_BY_ZONE: Final = text(f"{_CUT} SELECT zone_id, {_WHOLE} FROM cut WHERE b > a GROUP BY 1")
_BY_WORKER: Final = text(
    f"{_CUT} SELECT worker_id, {_WHOLE} FROM cut WHERE b > a AND worker_id IS NOT NULL GROUP BY 1"
)
_BUCKETS: Final = text(f"""{_CUT}
SELECT x.n, {_PART}
FROM unnest(CAST(:since AS timestamptz[]), CAST(:till AS timestamptz[]))
    WITH ORDINALITY AS x(since, till, n)
JOIN cut ON cut.a < x.till AND cut.b > x.since AND cut.b > cut.a
GROUP BY 1 ORDER BY 1
""")
_PEAK: Final = text(f"""{_CUT},
stays AS (SELECT session_id, min(a) AS a, max(b) AS b FROM cut WHERE b > a GROUP BY 1),
steps AS (SELECT a AS at, 1 AS step FROM stays UNION ALL SELECT b, -1 FROM stays),
sums AS (SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS count FROM steps)
SELECT coalesce(max(count), 0) FROM sums
""")
_PRESENT: Final = text("""
SELECT zone_id, count(*), count(DISTINCT worker_id)
FROM tracking.sessions WHERE exit_time IS NULL GROUP BY 1
""")
_WORKING: Final = text("""
SELECT count(DISTINCT worker_id) FROM tracking.sessions WHERE exit_time IS NULL
""")
_REGISTERED: Final = text("SELECT count(*) FROM tracking.workers WHERE active")
_RAISED: Final = text("""
SELECT (SELECT count(*) FROM tracking.anomalies WHERE timestamp >= :start AND timestamp < :end),
    (SELECT count(*) FROM tracking.alerts WHERE timestamp >= :start AND timestamp < :end)
""")


@dataclass(frozen=True, slots=True)
class Scope:
    """A range of time, of one zone or worker or of all."""

    start: datetime
    end: datetime
    zone_id: str | None = None
    worker_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """Seconds by state; sessions, people (known or not) and workers that took part."""

    active_s: float = 0.0
    idle_s: float = 0.0
    unseen_s: float = 0.0
    sessions: int = 0
    people: int = 0
    workers: int = 0

    @property
    def productivity(self) -> float | None:
        """Active time in active and idle time; None when there is neither."""
        seen_s = self.active_s + self.idle_s
        return round(self.active_s / seen_s, 3) if seen_s > 0 else None


def _values(scope: Scope) -> dict[str, object]:
    return {
        "start": scope.start,
        "end": scope.end,
        "zone_id": scope.zone_id,
        "worker_id": scope.worker_id,
    }


async def total(session: AsyncSession, scope: Scope) -> Sums:
    """The whole of a scope."""
    return Sums(*(await session.execute(_TOTAL, _values(scope))).one())


async def by_zone(session: AsyncSession, scope: Scope) -> dict[str, Sums]:
    """A scope, zone by zone."""
    return await _grouped(session, _BY_ZONE, scope)


async def by_worker(session: AsyncSession, scope: Scope) -> dict[str, Sums]:
    """A scope, worker by worker."""
    return await _grouped(session, _BY_WORKER, scope)


async def _grouped(session: AsyncSession, statement: TextClause, scope: Scope) -> dict[str, Sums]:
    rows = (await session.execute(statement, _values(scope))).all()
    return {row[0]: Sums(*row[1:]) for row in rows}


async def in_buckets(
    session: AsyncSession, scope: Scope, buckets: Sequence[tuple[datetime, datetime]]
) -> dict[int, Sums]:
    """A scope, bucket by bucket; those without anything are left out."""
    values = {
        **_values(scope),
        "since": [start for start, _ in buckets],
        "till": [end for _, end in buckets],
    }
    rows = (await session.execute(_BUCKETS, values)).all()
    return {int(row[0]) - 1: Sums(*row[1:]) for row in rows}


async def peak(session: AsyncSession, scope: Scope) -> int:
    """The most sessions that went on at once."""
    return int(await session.scalar(_PEAK, _values(scope)) or 0)


async def present(session: AsyncSession) -> dict[str, int]:
    """How many people are in each zone now."""
    return {row[0]: int(row[1]) for row in (await session.execute(_PRESENT)).all()}


async def workers(session: AsyncSession) -> tuple[int, int]:
    """How many workers are registered, and how many of them are in a zone now."""
    registered = await session.scalar(_REGISTERED)
    return int(registered or 0), int(await session.scalar(_WORKING) or 0)


async def raised(session: AsyncSession, start: datetime, end: datetime) -> tuple[int, int]:
    """How many anomalies and alerts a range has."""
    row = (await session.execute(_RAISED, {"start": start, "end": end})).one()
    return int(row[0]), int(row[1])
