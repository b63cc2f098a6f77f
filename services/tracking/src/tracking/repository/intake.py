"""What a batch of observations reads and writes: the camera's locked state, frames, sessions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import asyncpg

from common.pool import Connection
from tracking.floor.observations import Seconds
from tracking.floor.timeline import Stretched

_LOCK: Final = """
SELECT s.version, s.clock_s, s.checkpoint_s, s.heard_at, s.is_offline,
    CASE WHEN s.version = $2 THEN NULL ELSE s.state END AS state, c.active,
    (SELECT revision FROM tracking.rulebook WHERE id = 1) AS revision
FROM tracking.camera_states s JOIN tracking.cameras c USING (camera_id)
WHERE s.camera_id = $1 FOR UPDATE OF s
"""
_KEEP_FRAMES: Final = """
INSERT INTO tracking.frames (camera_id, frame_id, time_s, tracks)
SELECT $1, * FROM unnest($2::text[], $3::float8[], $4::text[])
ON CONFLICT DO NOTHING RETURNING frame_id
"""
_KNOWN_FRAMES: Final = """
SELECT count(*) FROM tracking.frames WHERE camera_id = $1 AND frame_id = ANY($2)
"""
_CHECKPOINT: Final = """
SELECT clock_s, state FROM tracking.checkpoints
WHERE camera_id = $1 AND clock_s < $2 ORDER BY clock_s DESC LIMIT 1
"""
_FRAMES_AFTER: Final = """
SELECT time_s, tracks FROM tracking.frames WHERE camera_id = $1 AND time_s > $2
"""
# The camera's state, its sessions and their stretches in one statement. What stands for `condition`
# and `more` makes it a statement that writes everything or nothing.
_SAVE: Final = """
WITH kept AS (
    UPDATE tracking.camera_states SET version = version + 1, clock_s = $2, state = $3,
        heard_at = CASE WHEN $4 THEN now() ELSE heard_at END,
        is_offline = CASE WHEN $4 THEN false ELSE is_offline END
    WHERE camera_id = $1 {condition} RETURNING camera_id, clock_s
), lived AS (
    INSERT INTO tracking.sessions (session_id, camera_id, zone_id, worker_id, track_id, entry_time,
        exit_time, until, state, active_s, idle_s, unseen_s, motion_score, index_number, shift,
        as_of_s)
    SELECT session_id, kept.camera_id, zone_id, worker_id, track_id, entry_time,
        exit_time, until, state, active_s, idle_s, unseen_s, motion_score, index_number, shift,
        kept.clock_s
    FROM kept CROSS JOIN unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
        $10::timestamptz[], $11::timestamptz[], $12::text[], $13::float8[], $14::float8[],
        $15::float8[], $16::float8[], $17::int[], $18::text[]) AS new(session_id, zone_id,
        worker_id, track_id, entry_time, exit_time, until, state, active_s, idle_s, unseen_s,
        motion_score, index_number, shift)
    ON CONFLICT (session_id) DO UPDATE SET worker_id = excluded.worker_id,
        track_id = excluded.track_id, exit_time = excluded.exit_time, until = excluded.until,
        state = excluded.state, active_s = excluded.active_s, idle_s = excluded.idle_s,
        unseen_s = excluded.unseen_s, motion_score = excluded.motion_score,
        as_of_s = excluded.as_of_s
), stretched AS (
    INSERT INTO tracking.stretches (session_id, started_at, state, ended_at)
    SELECT new.* FROM kept CROSS JOIN
        unnest($19::text[], $20::timestamptz[], $21::text[], $22::timestamptz[]) AS new
    ON CONFLICT (session_id, started_at) DO UPDATE SET state = excluded.state,
        ended_at = excluded.ended_at
){more}
SELECT count(*) FROM kept
"""
_SAVE_LOCKED: Final = _SAVE.format(condition="", more="")
_ADD_AT_ONCE: Final = _SAVE.format(
    condition="""AND version = $23 AND NOT is_offline
        AND (SELECT revision FROM tracking.rulebook WHERE id = 1) = $24""",
    more=""", pictured AS (
    INSERT INTO tracking.frames (camera_id, frame_id, time_s, tracks)
    SELECT kept.camera_id, new.* FROM kept CROSS JOIN
        unnest($25::text[], $26::float8[], $27::text[]) AS new
)""",
)
_ADD_CHECKPOINT: Final = """
WITH noted AS (UPDATE tracking.camera_states SET checkpoint_s = $2 WHERE camera_id = $1),
gone AS (
    DELETE FROM tracking.checkpoints WHERE camera_id = $1 AND clock_s < (
        SELECT max(clock_s) FROM tracking.checkpoints WHERE camera_id = $1 AND clock_s <= $4)
)
INSERT INTO tracking.checkpoints (camera_id, clock_s, state) VALUES ($1, $2, $3)
ON CONFLICT (camera_id, clock_s) DO UPDATE SET state = excluded.state
"""
_DROP_CHECKPOINTS: Final = """
WITH noted AS (UPDATE tracking.camera_states SET checkpoint_s = $2 WHERE camera_id = $1)
DELETE FROM tracking.checkpoints WHERE camera_id = $1 AND clock_s > $2
"""
_DROP_SESSIONS: Final = """
DELETE FROM tracking.sessions
WHERE camera_id = $1 AND as_of_s > $2 AND session_id <> ALL($3) RETURNING session_id
"""
_DROP_STRETCHES: Final = """
DELETE FROM tracking.stretches s USING unnest($1::text[], $2::timestamptz[]) AS k(id, after)
WHERE s.session_id = k.id AND s.started_at > k.after
"""
_PRUNE: Final = """
DELETE FROM tracking.frames f USING tracking.camera_states s
WHERE f.camera_id = s.camera_id AND f.received_at < now() - make_interval(secs => $1)
AND f.time_s <= (SELECT min(clock_s) FROM tracking.checkpoints c WHERE c.camera_id = f.camera_id)
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """A camera's state row, ours until the transaction ends; `state` is None when it is known."""

    version: int
    clock_s: Seconds | None
    checkpoint_s: Seconds
    heard_at: datetime | None
    is_offline: bool
    state: str | None
    active: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the factory's day a session began."""

    index_number: int | None
    shift: str | None


# Id, time and tracks of a frame.
StoredFrame: TypeAlias = tuple[str, Seconds, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What frames led to, as it is stored: the camera's state and the sessions that changed."""

    clock_s: Seconds | None
    state: str
    sessions: Mapping[str, Stretched]
    places: Mapping[str, Place]

    def columns(self, *, is_heard: bool) -> list[Any]:
        """The values of `_SAVE` after the camera's id."""
        rows = [_session_row(one, self.places[key]) for key, one in self.sessions.items()]
        sessions: Iterable[Any] = zip(*rows, strict=True) if rows else [()] * 14
        stretched = [
            (key, moment(start), doing, moment(end) if end is not None else None)
            for key, one in self.sessions.items()
            for start, doing, end in one.stretches
        ]
        stretches: Iterable[Any] = zip(*stretched, strict=True) if stretched else [()] * 4
        return [self.clock_s, self.state, is_heard, *map(list, sessions), *map(list, stretches)]


async def locked(connection: Connection, camera_id: str, *, known: int = -1) -> Locked | None:
    """The camera's state row, locked; None when there is no such camera."""
    row = await connection.fetchrow(_LOCK, camera_id, known)
    return Locked(**row) if row is not None else None


async def keep_frames(
    connection: Connection, camera_id: str, frames: Sequence[StoredFrame]
) -> set[str]:
    """Store frames; the ids of those that were not there before."""
    columns = zip(*frames, strict=True)
    found = await connection.fetch(_KEEP_FRAMES, camera_id, *map(list, columns))
    return {row["frame_id"] for row in found}


async def count_known(connection: Connection, camera_id: str, frame_ids: Sequence[str]) -> int:
    """How many of these frames have been taken in."""
    return int(await connection.fetchval(_KNOWN_FRAMES, camera_id, list(frame_ids)))


async def checkpoint_before(
    connection: Connection, camera_id: str, time_s: Seconds
) -> tuple[Seconds, str]:
    """The newest state that is older than this time."""
    row = await connection.fetchrow(_CHECKPOINT, camera_id, time_s)
    assert row is not None, "the first checkpoint is made with the camera"
    return row["clock_s"], row["state"]


async def frames_after(
    connection: Connection, camera_id: str, time_s: Seconds
) -> list[tuple[Seconds, str]]:
    """Every frame that came after a checkpoint, in any order."""
    found = await connection.fetch(_FRAMES_AFTER, camera_id, time_s)
    return [(row["time_s"], row["tracks"]) for row in found]


async def save(
    connection: Connection, camera_id: str, kept: Kept, *, is_heard: bool = True
) -> None:
    """Write the state of a camera that is locked, and the sessions that its frames changed."""
    await connection.execute(_SAVE_LOCKED, camera_id, *kept.columns(is_heard=is_heard))


async def add_at_once(
    connection: Connection,
    camera_id: str,
    *,
    version: int,
    revision: int,
    frames: Sequence[StoredFrame],
    kept: Kept,
) -> bool:
    """Store frames and what they led to in one statement, if all is as it was taken to be.

    False, and nothing stored, when the camera's state has another version, the floor another
    revision, the camera was offline, or a frame is known.
    """
    pictures: Iterable[Any] = zip(*frames, strict=True)
    try:
        done = await connection.fetchval(
            _ADD_AT_ONCE,
            camera_id,
            *kept.columns(is_heard=True),
            version,
            revision,
            *map(list, pictures),
        )
    except asyncpg.UniqueViolationError:
        return False
    return bool(done)


def _session_row(one: Stretched, place: Place) -> tuple[Any, ...]:
    session = one.session
    until_s = max(session.last_in_s, session.since_s)
    sums = session if session.exit_s is not None else session.turned(session.state, until_s)
    return (
        session.key,
        session.zone_id,
        session.worker_id,
        session.track_id,
        moment(session.entry_s),
        moment(session.exit_s) if session.exit_s is not None else None,
        moment(until_s),
        "completed" if session.exit_s is not None else session.state,
        sums.active_s,
        sums.idle_s,
        sums.unseen_s,
        session.motion_sum / max(1, session.sights),
        place.index_number,
        place.shift,
    )


async def add_checkpoint(
    connection: Connection, camera_id: str, *, clock_s: Seconds, state: str, horizon_s: Seconds
) -> None:
    """Keep this state; those that nothing can be placed from any more go."""
    await connection.execute(_ADD_CHECKPOINT, camera_id, clock_s, state, horizon_s)


async def rewind(
    connection: Connection, camera_id: str, *, to_s: Seconds, since: Mapping[str, Seconds]
) -> None:
    """Forget what was written after a checkpoint.

    Args:
        to_s: the checkpoint's clock.
        since: by key, the sessions that go on from there, and when their last stretch began.
    """
    await connection.execute(_DROP_CHECKPOINTS, camera_id, to_s)
    times = [moment(at) for at in since.values()]
    await connection.execute(_DROP_STRETCHES, list(since), times)


async def drop_sessions(
    connection: Connection, camera_id: str, *, after_s: Seconds, kept: Iterable[str]
) -> list[str]:
    """Remove the sessions of a camera's undone past; their ids."""
    found = await connection.fetch(_DROP_SESSIONS, camera_id, after_s, list(kept))
    return [row["session_id"] for row in found]


async def prune(connection: Connection, *, older_than_s: float) -> None:
    """Remove frames that are remembered long enough, and that no late frame needs."""
    await connection.execute(_PRUNE, older_than_s)


def moment(time_s: Seconds) -> datetime:
    """Seconds since 1970 as an aware time."""
    return datetime.fromtimestamp(time_s, UTC)
