"""One transaction for many submissions: COPY when all is new, ON CONFLICT when something repeats.

A unique violation anywhere in a COPY undoes the group, which is then inserted row by row; for the
next groups that is expected, as whoever repeats one message repeats more.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from common.errors import Conflict, InvalidToken, NotFound, ServiceError
from devices.store.directory import NO_UNIT, Directory, SeriesEntry
from devices.store.partitions import Leaf, Partitions, is_gone
from devices.store.pool import Connection, StorePool
from devices.store.submission import Submission

MOST_SIGHTINGS: Final = 16
_ATTEMPTS: Final = 4
_CAREFUL_GROUPS: Final = 32
_COLUMNS: Final = ("series_id", "unit_id", "kept_days", "quality", "timestamp", "value")
_HOUR: Final = timedelta(hours=1)
Outcome = int | ServiceError

_OWNERS: Final = """
SELECT id, token_hash, public_id::text FROM devices.device
WHERE id = ANY($1) ORDER BY id FOR KEY SHARE
"""
_REPEATS: Final = """
INSERT INTO devices.repeat (scope, body_hash, accepted)
SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::int[]) ORDER BY 1
ON CONFLICT (scope) DO UPDATE SET scope = excluded.scope
RETURNING scope, body_hash, accepted, xmax = 0 AS is_new
"""
_INSERT: Final = """
INSERT INTO devices.measurement (series_id, unit_id, kept_days, quality, timestamp, value)
SELECT s, u, k, q, t, v::numeric
FROM unnest($1::int[], $2::int[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::text[])
    AS r (s, u, k, q, t, v)
ON CONFLICT DO NOTHING
"""
_TOUCH: Final = f"""
WITH seen AS MATERIALIZED (
    SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::int[])
        AS s (series_id, first_at, last_at, value, unit_id)
), locked AS (
    SELECT id FROM devices.series WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
), moved AS (
    UPDATE devices.series s SET
        first_at = LEAST(s.first_at, seen.first_at),
        last_at = GREATEST(s.last_at, seen.last_at),
        unit_id = CASE WHEN seen.unit_id <> {NO_UNIT} THEN seen.unit_id ELSE s.unit_id END,
        last_value = CASE WHEN s.last_at > seen.last_at
            THEN s.last_value ELSE seen.value::numeric END,
        last_unit_id = CASE WHEN s.last_at > seen.last_at
            THEN s.last_unit_id ELSE seen.unit_id END
    FROM seen JOIN locked ON locked.id = seen.series_id WHERE s.id = seen.series_id
), marked AS (
    INSERT INTO devices.rollup_mark (series_id, hour)
    SELECT * FROM unnest($6::int[], $7::timestamptz[])
)
INSERT INTO devices.presence AS p (device_id, last_seen_at, recent)
SELECT device_id, max(at), array_agg(at ORDER BY at)
FROM unnest($8::int[], $9::timestamptz[]) AS n (device_id, at)
GROUP BY device_id ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
    last_seen_at = GREATEST(p.last_seen_at, excluded.last_seen_at),
    recent = (
        SELECT array_agg(at ORDER BY at) FROM (
            SELECT DISTINCT at FROM unnest(p.recent || excluded.recent) AS a (at)
            ORDER BY at DESC LIMIT {MOST_SIGHTINGS}
        ) AS newest
    )
"""


class _Rows:
    """The rows of one group, and what they change beside."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.columns: tuple[list[int], list[int], list[int], list[int], list[datetime], list[str]]
        self.columns = ([], [], [], [], [], [])
        self.lines: list[str] = []
        # By series: first time, last time, last value, its unit.
        self.seen: dict[int, tuple[datetime, datetime, str, int]] = {}
        self.hours: set[tuple[int, datetime]] = set()

    def add(self, submission: Submission, *, for_copy: bool) -> None:
        """Add all readings of a submission."""
        directory, device_id = self._directory, submission.device_id
        hour_start = hour_end = submission.received_at
        for metric, value, unit, timestamp, quality in submission.readings:
            entry = directory.series((device_id, metric))
            assert entry is not None
            unit_id = directory.unit(unit) if unit else NO_UNIT
            if not hour_start <= timestamp < hour_end:
                hour_start = timestamp.replace(minute=0, second=0, microsecond=0)
                hour_end = hour_start + _HOUR
            self.hours.add((entry.id, hour_start))
            self._see(entry.id, timestamp, value=value, unit_id=unit_id)
            if for_copy:
                self.lines.append(
                    f"{entry.id}\t{unit_id}\t{entry.kept_days}\t{quality}\t{timestamp}\t{value}\n"
                )
            else:
                row = (entry.id, unit_id, entry.kept_days, quality, timestamp, value)
                for column, cell in zip(self.columns, row, strict=True):
                    column.append(cell)  # type: ignore[attr-defined] # columns are of their own type

    def _see(self, series_id: int, timestamp: datetime, *, value: str, unit_id: int) -> None:
        known = self.seen.get(series_id)
        if known is None:
            self.seen[series_id] = (timestamp, timestamp, value, unit_id)
        elif timestamp >= known[1]:
            self.seen[series_id] = (known[0], timestamp, value, unit_id)
        elif timestamp < known[0]:
            self.seen[series_id] = (timestamp, *known[1:])


class GroupCommit:
    """Commits groups of submissions; several may be under way at once."""

    def __init__(self, pool: StorePool, *, directory: Directory, partitions: Partitions) -> None:
        self._pool = pool
        self._directory = directory
        self._partitions = partitions
        self._careful_groups = 0

    async def commit(self, group: Sequence[Submission]) -> list[Outcome]:
        """Store the group; one outcome a submission, in order.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer; nothing may be taken as stored.
        """
        async with self._pool.connection() as connection:
            return await self._commit(connection, group)

    async def _commit(self, connection: Connection, group: Sequence[Submission]) -> list[Outcome]:
        refused = await self._prepare(connection, group)
        for attempt in range(_ATTEMPTS):
            for_copy = not self._careful_groups
            try:
                outcomes = await self._attempt(
                    connection, group, refused=refused, for_copy=for_copy
                )
            except asyncpg.UniqueViolationError:
                self._careful_groups = _CAREFUL_GROUPS
            except asyncpg.DeadlockDetectedError:
                pass
            except asyncpg.CheckViolationError as error:
                if not is_gone(error) or attempt + 1 == _ATTEMPTS:
                    raise
                self._partitions.forget()
                refused = await self._prepare(connection, group)
            else:
                self._careful_groups = max(0, self._careful_groups - 1)
                return outcomes
        raise Conflict("The readings could not be stored now; send them again.")

    async def _prepare(
        self, connection: Connection, group: Sequence[Submission]
    ) -> dict[int, ServiceError]:
        keys, symbols = set(), set()
        for submission in group:
            for reading in submission.readings:
                keys.add((submission.device_id, reading.metric))
                if reading.unit:
                    symbols.add(reading.unit)
        refused = await self._directory.learn(connection, keys=keys, symbols=symbols)
        await self._partitions.ensure(connection, self._leaves(group))
        return refused

    def _leaves(self, group: Sequence[Submission]) -> set[Leaf]:
        series, leaves = self._directory.series, set()
        for submission in group:
            last: tuple[SeriesEntry | None, int, int, int] | None = None
            for reading in submission.readings:
                entry = series((submission.device_id, reading.metric))
                timestamp = reading.timestamp
                place = (entry, timestamp.year, timestamp.month, timestamp.day)
                if entry is not None and place != last:
                    last = place
                    leaves.add(Leaf.of(entry.kept_days, timestamp))
        return leaves

    async def _attempt(
        self,
        connection: Connection,
        group: Sequence[Submission],
        *,
        refused: dict[int, ServiceError],
        for_copy: bool,
    ) -> list[Outcome]:
        async with connection.transaction():
            outcomes = await self._judge(connection, group, refused=refused)
            rows = _Rows(self._directory)
            taken = [s for s, outcome in zip(group, outcomes, strict=True) if outcome == -1]
            for submission in taken:
                rows.add(submission, for_copy=for_copy)
            if rows.lines:
                source = io.BytesIO("".join(rows.lines).encode())
                await connection.copy_to_table(
                    "measurement", schema_name="devices", source=source, columns=_COLUMNS
                )
            elif rows.seen:
                await connection.execute(_INSERT, *rows.columns)
            await self._touch(connection, rows, taken)
        return [
            len(s.readings) if outcome == -1 else outcome
            for s, outcome in zip(group, outcomes, strict=True)
        ]

    async def _judge(
        self,
        connection: Connection,
        group: Sequence[Submission],
        *,
        refused: dict[int, ServiceError],
    ) -> list[Outcome]:
        """By submission: why it is refused, what was answered before, or -1 when it is new."""
        found = await connection.fetch(_OWNERS, sorted({s.device_id for s in group}))
        owners = {row["id"]: row for row in found}
        outcomes: list[Outcome] = []
        for submission in group:
            owner = owners.get(submission.device_id)
            if owner is None:
                self._directory.forget_device(submission.device_id)
                outcomes.append(NotFound())
            elif submission.token_hash not in (None, owner["token_hash"]):
                outcomes.append(InvalidToken())
            elif self._lacks_series(submission):
                outcomes.append(refused.get(submission.device_id, NotFound()))
            else:
                submission.public_id = owner["public_id"]
                outcomes.append(-1)
        await _judge_repeats(connection, group, outcomes)
        return outcomes

    def _lacks_series(self, submission: Submission) -> bool:
        series = self._directory.series
        metrics = {reading.metric for reading in submission.readings}
        return any(series((submission.device_id, metric)) is None for metric in metrics)

    async def _touch(
        self, connection: Connection, rows: _Rows, taken: Iterable[Submission]
    ) -> None:
        sightings = [(s.device_id, at) for s in taken for at in s.sightings(MOST_SIGHTINGS)]
        if not sightings:
            return
        seen = sorted(rows.seen.items())
        await connection.execute(
            _TOUCH,
            [series_id for series_id, _ in seen],
            [first_at for _, (first_at, _, _, _) in seen],
            [last_at for _, (_, last_at, _, _) in seen],
            [value for _, (_, _, value, _) in seen],
            [unit_id for _, (_, _, _, unit_id) in seen],
            [series_id for series_id, _ in rows.hours],
            [hour for _, hour in rows.hours],
            [device_id for device_id, _ in sightings],
            [at for _, at in sightings],
        )


async def _judge_repeats(
    connection: Connection, group: Sequence[Submission], outcomes: list[Outcome]
) -> None:
    """Write down new idempotency keys; a known one answers as it did, or refuses another body."""
    first: dict[bytes, int] = {}
    for index, submission in enumerate(group):
        if submission.repeat and outcomes[index] == -1:
            first.setdefault(submission.repeat.scope, index)
    if not first:
        return
    fresh = [group[index] for index in first.values()]
    known = await connection.fetch(
        _REPEATS,
        [s.repeat.scope for s in fresh if s.repeat],
        [s.repeat.body_hash for s in fresh if s.repeat],
        [len(s.readings) for s in fresh],
    )
    kept = {row["scope"]: row for row in known}
    for index, submission in enumerate(group):
        if submission.repeat is None or outcomes[index] != -1:
            continue
        row = kept[submission.repeat.scope]
        if row["body_hash"] != submission.repeat.body_hash:
            outcomes[index] = Conflict("This Idempotency-Key was used with another body.")
        elif not row["is_new"] or index != first[submission.repeat.scope]:
            outcomes[index] = row["accepted"]
