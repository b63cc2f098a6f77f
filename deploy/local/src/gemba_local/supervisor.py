"""Keeps children running: restarts one that ended, with back-off, and stops all in order."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gemba_local.children import ChildSpec, RunningChild, describe_exit
from gemba_local.journal import Journal
from gemba_local.problems import RunnerError

_PROBE_INTERVAL_S: Final = 0.2
_TEND_INTERVAL_S: Final = 2.0


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a restart: doubling, until a process has lived long enough."""

    first_s: float = 0.5
    longest_s: float = 30.0
    healthy_after_s: float = 60.0

    def next_delay(self, last_s: float, *, lived_s: float) -> float:
        """The delay before the next start, given the last one (0 if there was none)."""
        if last_s == 0 or lived_s >= self.healthy_after_s:
            return self.first_s
        return min(last_s * 2, self.longest_s)


@dataclass
class ChildRecord:
    """What is known about one child: its process now, how often it was restarted, its last end."""

    spec: ChildSpec
    running: RunningChild | None = None
    restarts: int = 0
    started_at: float = 0.0
    last_end: str = ""
    failure: RunnerError | None = None
    is_ready: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Runs children by their specifications; `changed` is called after every start and end."""

    def __init__(
        self,
        journal: Journal,
        *,
        tasks: asyncio.TaskGroup,
        backoff: Backoff | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._tasks = tasks
        self._backoff = backoff or Backoff()
        self._changed = changed
        self.records: dict[str, ChildRecord] = {}

    def add(self, spec: ChildSpec) -> None:
        """Start this child and keep it running until `stop`."""
        record = self.records[spec.name] = ChildRecord(spec)
        self._tasks.create_task(self._keep(record), name=f"keep {spec.name}")

    async def run_once(self, spec: ChildSpec, *, timeout_s: float) -> None:
        """Run a child that has to end by itself.

        Raises RunnerError when it fails or takes longer.
        """
        child = await RunningChild.start(spec)
        try:
            async with asyncio.timeout(timeout_s):
                code = await child.watch(self._journal)
        except TimeoutError as error:
            raise RunnerError(f"{spec.name} did not end within {timeout_s:g} s") from error
        finally:
            child.signal_group(signal.SIGKILL)
        if code:
            raise RunnerError(f"{spec.name} failed with {describe_exit(code)}; see the lines above")

    async def wait_ready(self, names: Iterable[str], *, timeout_s: float) -> dict[str, str]:
        """Wait until these children are ready; returns what those that are not lack.

        Raises RunnerError when one cannot be started at all.
        """
        waiting = [self._wait_one(self.records[name], timeout_s=timeout_s) for name in names]
        return {name: lack for name, lack in await asyncio.gather(*waiting) if lack}

    async def stop(self, *, hurry: asyncio.Event) -> None:
        """Stop all children, rank after rank; at once when `hurry` is set."""
        for record in self.records.values():
            record.stopping.set()
        for rank in sorted({record.spec.stop_rank for record in self.records.values()}):
            ranked = [r for r in self.records.values() if r.spec.stop_rank == rank]
            await asyncio.gather(*(self._stop_one(record, hurry=hurry) for record in ranked))

    async def _keep(self, record: ChildRecord) -> None:
        delay_s = 0.0
        while not record.stopping.is_set():
            begun = time.monotonic()
            record.last_end = await self._run(record)
            if record.stopping.is_set():
                break
            delay_s = self._delay(record, delay_s, lived_s=time.monotonic() - begun)
            record.restarts += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(record.stopping.wait(), delay_s)
        record.ended.set()

    def _delay(self, record: ChildRecord, last_s: float, *, lived_s: float) -> float:
        """How long to wait before the next start; one that was told to restart starts at once."""
        name = record.spec.name
        if record.last_end == describe_exit(os.EX_TEMPFAIL):
            self._journal.note(f"{name} was told to restart; starting again")
            return 0.0
        delay_s = self._backoff.next_delay(last_s, lived_s=lived_s)
        text = f"{name} ended ({record.last_end}); starting again in {delay_s:g} s"
        self._journal.note(text, level="WARNING")
        return delay_s

    async def _run(self, record: ChildRecord) -> str:
        try:
            if record.spec.prepare:
                await record.spec.prepare()
            if record.stopping.is_set():
                return "stopped before it began"
            record.running = await RunningChild.start(record.spec)
        except (OSError, RunnerError) as error:
            record.failure = error if isinstance(error, RunnerError) else None
            return f"it could not be started: {error}"
        record.failure = None
        record.started_at = time.time()
        self._changed()
        tending = self._tasks.create_task(self._tend(record, record.running))
        try:
            return describe_exit(await record.running.watch(self._journal))
        finally:
            tending.cancel()
            record.running.signal_group(signal.SIGKILL)
            record.running, record.is_ready = None, False
            self._changed()

    async def _tend(self, record: ChildRecord, child: RunningChild) -> None:
        """End a process that says it is broken for good, so that it is started again."""
        while record.spec.broken:
            await asyncio.sleep(_TEND_INTERVAL_S)
            trouble = await record.spec.broken()
            if trouble and not record.stopping.is_set():
                self._journal.note(f"{record.spec.name} is broken: {trouble}", level="WARNING")
                child.send_signal(record.spec.stop_signal)
                await asyncio.sleep(record.spec.stop_timeout_s)
                child.signal_group(signal.SIGKILL)

    async def _wait_one(self, record: ChildRecord, *, timeout_s: float) -> tuple[str, str]:
        deadline = time.monotonic() + timeout_s
        while True:
            lack = await self._lack(record)
            if not lack:
                record.is_ready = True
                self._changed()
            if not lack or time.monotonic() > deadline:
                return record.spec.name, lack
            await asyncio.sleep(_PROBE_INTERVAL_S)

    async def _lack(self, record: ChildRecord) -> str:
        if record.failure:
            raise record.failure
        if record.running is None:
            return f"it does not run ({record.last_end or 'not started yet'})"
        return await record.spec.ready() or "" if record.spec.ready else ""

    async def _stop_one(self, record: ChildRecord, *, hurry: asyncio.Event) -> None:
        child = record.running
        if child:
            child.send_signal(record.spec.stop_signal)
            if not await self._ended_in_time(record, hurry=hurry):
                self._journal.note(f"{record.spec.name} did not stop; killing it", level="WARNING")
                child.signal_group(signal.SIGKILL)
        await record.ended.wait()

    async def _ended_in_time(self, record: ChildRecord, *, hurry: asyncio.Event) -> bool:
        end = asyncio.ensure_future(record.ended.wait())
        rush = asyncio.ensure_future(hurry.wait())
        try:
            await asyncio.wait(
                {end, rush},
                timeout=record.spec.stop_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if rush.done() and record.spec.hurry_timeout_s:
                await asyncio.wait({end}, timeout=record.spec.hurry_timeout_s)
        finally:
            end.cancel()
            rush.cancel()
        return record.ended.is_set()
