"""The queue: claims, leases and their loss, each one statement in a named block.

Lock order everywhere: a machine before its inspections. Candidates are taken with SKIP LOCKED, so
that any number of replicas claim side by side and none waits for another.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.models import Inspection, Machine

Rows = Sequence[RowMapping]

_HAS_WORK: Final = text("""
    SELECT EXISTS (
        SELECT FROM orchestrator.inspections
        WHERE status = 'pending' AND queued_at IS NOT NULL
          AND (not_before IS NULL OR not_before <= now()))
""")

_LOADS: Final = text("""
    SELECT machine_id, inspection_type, count(*) AS leases
    FROM orchestrator.inspections
    WHERE lease_token IS NOT NULL AND machine_id = ANY(CAST(:machines AS text[]))
    GROUP BY machine_id, inspection_type
""")

# Only what one of the free machines can do is looked at: an inspection that nobody can take now
# never stands in the way of one that somebody can.
_CANDIDATES: Final = """
    SELECT id, inspection_type, tool_names, target_machine_id, location, strategy,
           preferred_machines
    FROM orchestrator.inspections AS i
    WHERE status = 'pending' AND queued_at IS NOT NULL
      AND (not_before IS NULL OR not_before <= now())
      AND {which}
      AND EXISTS (
        SELECT FROM orchestrator.machines AS m
        WHERE m.id = ANY(CAST(:free AS text[]))
          AND (i.target_machine_id IS NULL OR i.target_machine_id = m.id)
          AND (m.supported_inspection_types = '{{}}'
               OR i.inspection_type = ANY(m.supported_inspection_types))
          AND (m.tool_names IS NULL OR i.tool_names <@ m.tool_names))
    ORDER BY rank_at, id
    LIMIT :batch
    FOR NO KEY UPDATE OF i {wait}
"""
_HEAD: Final = text(
    _CANDIDATES.format(which="id <> ALL(CAST(:taken AS text[]))", wait="SKIP LOCKED")
)
_ONE: Final = text(_CANDIDATES.format(which="id = :only", wait=""))

_CLAIM: Final = text("""
    WITH claimed AS (
        UPDATE orchestrator.inspections AS i
        SET status = 'assigned', machine_id = c.machine_id, lease_token = c.token,
            lease_expires_at = now() + make_interval(secs => :lease_s), assigned_at = now(),
            started_at = NULL, attempt_count = attempt_count + 1, error_message = NULL,
            updated_at = now()
        FROM unnest(CAST(:ids AS text[]), CAST(:machines AS text[]), CAST(:tokens AS text[]))
             AS c (id, machine_id, token)
        WHERE i.id = c.id AND i.status = 'pending'
        RETURNING i.*
    ), evidence AS (
        INSERT INTO orchestrator.attempts (inspection_id, attempt, machine_id, lease_token)
        SELECT id, attempt_count, machine_id, lease_token FROM claimed
    )
    SELECT id, inspection_type, pipeline_config, priority, is_continuous, machine_id, lease_token,
           lease_expires_at, attempt_count, queued_at, assigned_at, estimated_wait_s, estimated_at,
           request_id, traceparent
    FROM claimed
    ORDER BY rank_at, id
""")

# The number of the attempt is given back too: no machine has seen it.
_GIVE_BACK: Final = text("""
    WITH back AS (
        UPDATE orchestrator.inspections
        SET status = CASE status WHEN 'assigned' THEN 'pending' ELSE status END,
            machine_id = NULL, lease_token = NULL, lease_expires_at = NULL, assigned_at = NULL,
            attempt_count = attempt_count - 1, updated_at = now()
        WHERE id = :id AND lease_token = :token AND status IN ('assigned', 'cancelled')
        RETURNING id, attempt_count + 1 AS attempt, status
    ), undone AS (
        DELETE FROM orchestrator.attempts AS a USING back
        WHERE a.inspection_id = back.id AND a.attempt = back.attempt
    )
    SELECT status FROM back
""")

_LOSE: Final = """
    WITH lost AS (
        SELECT id FROM orchestrator.inspections
        WHERE lease_token IS NOT NULL AND {which}
        ORDER BY lease_expires_at
        LIMIT :batch
        FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE orchestrator.inspections AS i
        SET status = CASE WHEN i.status = 'cancelled' THEN 'cancelled'
                          WHEN :is_blameless OR i.attempt_count < i.attempts_allowed THEN 'pending'
                          ELSE 'failed' END,
            attempts_allowed = i.attempts_allowed + CASE WHEN :is_blameless THEN 1 ELSE 0 END,
            lease_token = NULL, lease_expires_at = NULL, updated_at = now()
        FROM lost WHERE i.id = lost.id
        RETURNING i.id, i.status, i.machine_id, i.attempt_count
    ), evidence AS (
        UPDATE orchestrator.attempts AS a
        SET ended_at = now(), error = :error,
            outcome = CASE taken.status WHEN 'cancelled' THEN 'cancelled' ELSE :outcome END
        FROM taken
        WHERE a.inspection_id = taken.id AND a.attempt = taken.attempt_count
    )
    SELECT id, status, machine_id, attempt_count FROM taken
"""
_LOSE_EXPIRED: Final = text(_LOSE.format(which="lease_expires_at < now()"))
_LOSE_OF_MACHINES: Final = text(
    _LOSE.format(which="machine_id = ANY(CAST(:machines AS text[]))"),
)

_SETTLE_LOST: Final = text("""
    UPDATE orchestrator.inspections
    SET machine_id = CASE status WHEN 'pending' THEN NULL ELSE machine_id END,
        started_at = CASE status WHEN 'pending' THEN NULL ELSE started_at END,
        assigned_at = CASE status WHEN 'pending' THEN NULL ELSE assigned_at END,
        completed_at = CASE status WHEN 'failed' THEN now() ELSE completed_at END,
        dead_at = CASE status WHEN 'failed' THEN now() END,
        error_message = CASE status
            WHEN 'failed' THEN 'Gave up after ' || attempt_count || ' attempts: ' || :error
            ELSE error_message END
    WHERE id = ANY(CAST(:ids AS text[]))
""")

_RENEW: Final = text("""
    WITH held AS (
        SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:tokens AS text[])) AS h (id, token)
    ), renewed AS (
        UPDATE orchestrator.inspections AS i
        SET lease_expires_at = now() + make_interval(secs => :lease_s)
        FROM held
        WHERE i.id = held.id AND i.lease_token = held.token
          AND i.machine_id = :machine_id AND i.status IN ('assigned', 'processing')
        RETURNING i.id, i.lease_expires_at
    )
    SELECT held.id, held.token, renewed.lease_expires_at,
           COALESCE(i.status = 'cancelled', false) AS is_cancelled
    FROM held
    LEFT JOIN renewed ON renewed.id = held.id
    LEFT JOIN orchestrator.inspections AS i ON i.id = held.id
""")

_WAITING: Final = text("""
    SELECT id, name, inspection_type, tool_names, target_machine_id, priority, queued_at,
           estimated_at
    FROM orchestrator.inspections
    WHERE status = 'pending' AND queued_at IS NOT NULL
    ORDER BY rank_at, id
    LIMIT :limit
""")

_RUNNING: Final = text("""
    SELECT machine_id, inspection_type, is_continuous,
           CAST(EXTRACT(EPOCH FROM now() - assigned_at) AS double precision) AS elapsed_s
    FROM orchestrator.inspections
    WHERE lease_token IS NOT NULL
""")

_SAVE_ESTIMATES: Final = text("""
    UPDATE orchestrator.inspections AS i
    SET estimated_wait_s = e.wait_s, estimated_at = now()
    FROM unnest(CAST(:ids AS text[]), CAST(:waits AS double precision[])) AS e (id, wait_s)
    WHERE i.id = e.id AND i.status = 'pending'
""")

_DEPTH: Final = text("""
    SELECT priority, count(*) AS depth,
           CAST(EXTRACT(EPOCH FROM now() - min(queued_at)) AS double precision) AS oldest_s
    FROM orchestrator.inspections
    WHERE status = 'pending' AND queued_at IS NOT NULL
    GROUP BY priority
""")


async def has_work(session: AsyncSession) -> bool:
    """True when something waits; asked before any lock is taken."""
    return bool(await session.scalar(_HAS_WORK))


async def lock_ready_machines(session: AsyncSession, *, may_wait: bool) -> Sequence[Machine]:
    """Machines that may be pushed to, locked; those locked elsewhere are skipped or waited for."""
    statement = (
        select(Machine)
        .where(
            Machine.status.in_(("online", "busy")),
            or_(Machine.blocked_until.is_(None), Machine.blocked_until <= func.now()),
        )
        .order_by(Machine.id)
        .with_for_update(key_share=True, skip_locked=not may_wait)
    )
    return (await session.execute(statement)).scalars().all()


async def loads(session: AsyncSession, machine_ids: Sequence[str]) -> Rows:
    """Leases by machine and inspection type."""
    return (await session.execute(_LOADS, {"machines": machine_ids})).mappings().all()


async def candidates(
    session: AsyncSession,
    *,
    free: Sequence[str],
    batch: int,
    only: str | None,
    taken: Sequence[str],
) -> Rows:
    """The head of the queue that these machines can take, locked; `only` asks for a single one.

    What this transaction has `taken` already is still pending in the table, and left out.
    """
    values: dict[str, Any] = {"free": free, "batch": batch}
    if only is not None:
        return (await session.execute(_ONE, {**values, "only": only})).mappings().all()
    return (await session.execute(_HEAD, {**values, "taken": taken})).mappings().all()


async def claim(
    session: AsyncSession, pairs: Sequence[tuple[str, str, str]], *, lease_s: float
) -> Rows:
    """Lease inspections to machines: (inspection, machine, token) each; what was leased."""
    ids, machines, tokens = ([pair[part] for pair in pairs] for part in range(3))
    values = {"ids": ids, "machines": machines, "tokens": tokens, "lease_s": lease_s}
    return (await session.execute(_CLAIM, values)).mappings().all()


async def give_back(session: AsyncSession, inspection_id: str, *, token: str) -> str | None:
    """Undo a claim that no machine has seen; the status now, None when the lease was not ours."""
    status = await session.scalar(_GIVE_BACK, {"id": inspection_id, "token": token})
    return None if status is None else str(status)


async def take_expired(session: AsyncSession, *, batch: int) -> Rows:
    """Take back leases that ran out: back into the queue, or failed when they lost too many."""
    error = "the lease expired: the machine no longer reported the inspection."
    values = {"outcome": "lease_expired", "error": error, "batch": batch, "is_blameless": False}
    return await _take(session, _LOSE_EXPIRED, values)


async def take_from_machines(
    session: AsyncSession,
    machine_ids: Sequence[str],
    *,
    outcome: str,
    error: str,
    is_blameless: bool,
) -> Rows:
    """Take back every lease of these machines; a blameless loss costs no attempt."""
    values = {
        "outcome": outcome,
        "error": error,
        "batch": 100_000,
        "is_blameless": is_blameless,
        "machines": machine_ids,
    }
    return await _take(session, _LOSE_OF_MACHINES, values)


async def _take(session: AsyncSession, statement: Any, values: Mapping[str, Any]) -> Rows:
    taken = (await session.execute(statement, values)).mappings().all()
    if taken:
        ids = [row["id"] for row in taken]
        await session.execute(_SETTLE_LOST, {"ids": ids, "error": values["error"]})
    return taken


async def renew(
    session: AsyncSession,
    machine_id: str,
    held: Sequence[tuple[str, str]],
    *,
    lease_s: float,
) -> Rows:
    """Renew the leases that a machine shows; each with its new expiry, or none when it is lost."""
    values = {
        "ids": [inspection_id for inspection_id, _ in held],
        "tokens": [token for _, token in held],
        "machine_id": machine_id,
        "lease_s": lease_s,
    }
    return (await session.execute(_RENEW, values)).mappings().all()


async def waiting(session: AsyncSession, *, limit: int) -> Rows:
    """The queue in its order, light."""
    return (await session.execute(_WAITING, {"limit": limit})).mappings().all()


async def running(session: AsyncSession) -> Rows:
    """What is leased out, and since when."""
    return (await session.execute(_RUNNING)).mappings().all()


async def save_estimates(
    session: AsyncSession, estimates: Sequence[tuple[str, float | None]]
) -> None:
    """Keep what was estimated, to be compared with the wait when it has ended."""
    values = {"ids": [one for one, _ in estimates], "waits": [wait for _, wait in estimates]}
    await session.execute(_SAVE_ESTIMATES, values)


async def depth(session: AsyncSession) -> Rows:
    """How many wait by priority, and the oldest of each."""
    return (await session.execute(_DEPTH)).mappings().all()


async def position(session: AsyncSession, rank_at: datetime, inspection_id: str) -> int:
    """The place in the queue, from 1."""
    ahead = select(func.count()).where(
        Inspection.status == "pending",
        Inspection.queued_at.is_not(None),
        or_(
            Inspection.rank_at < rank_at,
            (Inspection.rank_at == rank_at) & (Inspection.id < inspection_id),
        ),
    )
    return int(await session.scalar(ahead) or 0) + 1
