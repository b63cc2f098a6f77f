"""Group commit: readings wait only while a commit is under way, and their answer comes after it."""

import asyncio
import logging
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from common.errors import DatabaseUnavailable, RateLimited, ServiceError, Unavailable
from devices.settings import Settings
from devices.store.commit import GroupCommit, Outcome
from devices.store.submission import Submission

_MOST_ROWS: Final = 8_000
_SHARE: Final = 4
_WORTH_A_LANE: Final = 1_000
_STORED: Final = Counter("devices_readings_stored_total", "Readings that were committed.")
_WAITING: Final = Gauge("devices_readings_waiting", "Readings that wait for their commit.")
_GROUPS: Final = Histogram(
    "devices_group_rows", "Readings committed together.", buckets=(1, 10, 100, 1000, 4000, 8000)
)
_log = logging.getLogger("writer")
AfterCommit = Callable[[Sequence[Submission]], None]


class Writer:
    """A bounded buffer in front of a few lanes that commit."""

    def __init__(
        self, settings: Settings, *, commit: GroupCommit, after_commit: AfterCommit
    ) -> None:
        self._commit = commit
        self._after_commit = after_commit
        self._lanes = settings.ingest_lanes
        self._most_waiting = settings.ingest_buffer_rows
        self._pending: deque[Submission] = deque()
        self._rows = 0
        self._rows_of: Tally[int] = Tally()
        self._work = asyncio.Event()
        self._committed = asyncio.Event()
        self._under_way = 0
        self._rows_under_way = 0

    async def submit(self, submission: Submission) -> int:
        """Wait until the readings are committed; how many were taken.

        Raises:
            Unavailable: the buffer is full, or PostgreSQL does not answer.
            RateLimited: this device alone fills more than its share of the buffer.
            NotFound: the device is gone.
            InvalidToken: its token has been revoked meanwhile.
            Conflict: the idempotency key stands for another body.
        """
        self._admit(submission)
        return await submission.done

    async def run(self) -> None:
        """Commit until cancelled; what still waits then is told to come again."""
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(self._lanes):
                    lanes.create_task(self._lane())
        finally:
            while self._pending:
                self._settle(self._pending.popleft(), Unavailable())

    def _admit(self, submission: Submission) -> None:
        weight = _weight(submission)
        if self._rows + weight > self._most_waiting:
            raise Unavailable("Too many readings wait to be stored.", retry_after_s=1)
        share = self._most_waiting // _SHARE
        if self._rows_of[submission.device_id] + weight > share:
            raise RateLimited(limit=share, window="readings waiting", retry_after_s=1)
        self._rows += weight
        self._rows_of[submission.device_id] += weight
        _WAITING.set(self._rows)
        self._pending.append(submission)
        self._work.set()

    async def _lane(self) -> None:
        while True:
            await self._work.wait()
            if self._under_way and self._rows - self._rows_under_way < _WORTH_A_LANE:
                # A few rows are cheaper together with those that come during the commit.
                self._committed.clear()
                await self._committed.wait()
                continue
            group = self._take()
            if not group:
                continue
            rows = sum(_weight(submission) for submission in group)
            self._under_way += 1
            self._rows_under_way += rows
            try:
                await self._store(group)
            finally:
                self._under_way -= 1
                self._rows_under_way -= rows
                self._committed.set()

    def _take(self) -> list[Submission]:
        group: list[Submission] = []
        rows = 0
        while self._pending and rows < _MOST_ROWS:
            submission = self._pending.popleft()
            rows += _weight(submission)
            group.append(submission)
        if not self._pending:
            self._work.clear()
        return group

    async def _store(self, group: list[Submission]) -> None:
        outcomes: list[Outcome]
        try:
            outcomes = await self._commit.commit(group)
        except ServiceError as error:
            outcomes = [error] * len(group)
        except asyncio.CancelledError:
            for submission in group:
                self._settle(submission, Unavailable())
            raise
        except Exception:
            # One group's failure must not end the lane, nor leave its senders waiting.
            _log.exception("a group of %d could not be stored", len(group))
            outcomes = [DatabaseUnavailable()] * len(group)
        stored = [s for s, outcome in zip(group, outcomes, strict=True) if isinstance(outcome, int)]
        rows = sum(len(s.readings) for s in stored)
        _STORED.inc(rows)
        _GROUPS.observe(rows)
        if stored:
            self._after_commit(stored)
        for submission, outcome in zip(group, outcomes, strict=True):
            self._settle(submission, outcome)

    def _settle(self, submission: Submission, outcome: Outcome) -> None:
        weight = _weight(submission)
        self._rows -= weight
        self._rows_of[submission.device_id] -= weight
        if self._rows_of[submission.device_id] <= 0:
            del self._rows_of[submission.device_id]
        _WAITING.set(self._rows)
        if submission.done.done():
            return
        if isinstance(outcome, ServiceError):
            submission.done.set_exception(outcome)
        else:
            submission.done.set_result(outcome)


def _weight(submission: Submission) -> int:
    return max(1, len(submission.readings))
