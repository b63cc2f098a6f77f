"""One transaction for many submissions: COPY when all is new, ON CONFLICT when something repeats.

A unique violation anywhere in a COPY, or two of them that wait for each other, undoes the group,
which is then inserted row by row and in order; for the next groups that is expected, as whoever
repeats one message repeats more.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from itertools import product
from typing import Final

import asyncpg

from common.errors import Conflict, InvalidToken, NotFound, ServiceError
from common.pool import Connection, Pool
from devices.store.directory import Directory
from devices.store.partitions import Leaf, Partitions, is_gone
from devices.store.rows import Rows
from devices.store.statements import (
    AT_ONCE,
    COLUMNS,
    INSERT,
    OWNERS,
    REPEATS,
    TOUCH,
)
from devices.store.submission import Submission

# Each COPY that is under way may cost an attempt; as many run as the store has connections.
_ATTEMPTS: Final = 8
_CAREFUL_GROUPS: Final = 32
_SMALL_ROWS: Final = 400
Outcome = int | ServiceError


class GroupCommit:
    """Commits groups of submissions; several may be under way at once."""

    def __init__(self, pool: Pool, *, directory: Directory, partitions: Partitions) -> None:
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
        if not refused and sum(len(s.readings) for s in group) <= _SMALL_ROWS:
            done = await self._at_once(connection, group)
            if done is not None:
                return done
        for attempt in range(_ATTEMPTS):
            for_copy = not self._careful_groups
            try:
                outcomes = await self._attempt(
                    connection, group, refused=refused, for_copy=for_copy
                )
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                self._careful_groups = _CAREFUL_GROUPS
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
        keys = {(s.device_id, metric) for s in group for metric in s.metrics}
        symbols = set[str]().union(*(s.units for s in group))
        refused = await self._directory.learn(connection, keys=keys, symbols=symbols)
        await self._partitions.ensure(connection, self._leaves(group))
        return refused

    def _leaves(self, group: Sequence[Submission]) -> set[Leaf]:
        series = self._directory.series
        days: set[tuple[int, date]] = set()
        for submission in group:
            found = (series((submission.device_id, metric)) for metric in submission.metrics)
            kept = {entry.kept_days for entry in found if entry is not None}
            days.update(product(kept, submission.days))
        return {Leaf.of(kept_days, day) for kept_days, day in days}

    async def _at_once(
        self, connection: Connection, group: Sequence[Submission]
    ) -> list[Outcome] | None:
        """Store a small group in one round trip; None when it must be judged one by one."""
        if any(s.repeat is not None or self._lacks_series(s) for s in group):
            return None
        rows = Rows(self._directory, group, for_copy=False)
        expected = {(s.device_id, s.token_hash) for s in group}
        try:
            owners = await connection.fetch(
                AT_ONCE,
                *rows.columns,
                *rows.changes(),
                [device_id for device_id, _ in expected],
                [token_hash for _, token_hash in expected],
            )
        except (asyncpg.CheckViolationError, asyncpg.DeadlockDetectedError):
            return None
        if not owners:
            return None
        public_ids = {row["id"]: row["public_id"] for row in owners}
        for submission in group:
            submission.public_id = public_ids[submission.device_id]
        return [len(s.readings) for s in group]

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
            taken = [s for s, outcome in zip(group, outcomes, strict=True) if outcome == -1]
            rows = Rows(self._directory, taken, for_copy=for_copy)
            if rows.text:
                await connection.copy_to_table(
                    "measurement", schema_name="devices", source=_sent(rows), columns=COLUMNS
                )
            elif rows.columns[0]:
                await connection.execute(INSERT, *rows.columns)
            if taken:
                await connection.execute(TOUCH, *rows.changes())
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
        found = await connection.fetch(OWNERS, sorted({s.device_id for s in group}))
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
        return any(series((submission.device_id, m)) is None for m in submission.metrics)


async def _sent(rows: Rows) -> AsyncIterator[bytes]:
    """COPY's text; a file would be read by a thread."""
    yield "".join(rows.text).encode()


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
        REPEATS,
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
