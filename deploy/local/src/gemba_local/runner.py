"""Runs a plan from the first process to the last: start, readiness, welcome, orderly stop."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from gemba_local.guard import Guard
from gemba_local.journal import Journal
from gemba_local.plan import DATABASE, Plan
from gemba_local.problems import RunnerError
from gemba_local.processes import sweep
from gemba_local.settings import RunnerSettings
from gemba_local.state import MeshState, Status
from gemba_local.supervisor import Supervisor
from gemba_local.welcome import welcome

_BACKENDS_S: Final = 60.0  # at least: PostgreSQL may have to recover first
_MIGRATION_S: Final = 300.0
_RESTORATION_S: Final = 3600.0
_SECOND_SIGNAL_S: Final = 0.3  # a terminal and `make` may both pass on one Ctrl-C
_CRASH_PATIENCE_S: Final = 8.0


class Runner:
    """One run of the mesh."""

    def __init__(
        self, plan: Plan, settings: RunnerSettings, *, journal: Journal, lock: int
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._journal = journal
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._first_signal = 0.0
        self._state = MeshState(
            plan.folder, plan.urls, plan.ports, str(plan.secrets.admin_password_file)
        )
        self._guard = Guard(
            plan.belongings,
            lock=lock,
            patience_s=min(settings.stop_timeout_s, _CRASH_PATIENCE_S),
            journal=journal,
            changed=self._write_state,
        )

    async def run(self) -> None:
        """Run until a signal says stop.

        Raises RunnerError, with everything stopped again, when the mesh cannot start.
        """
        self._listen()
        await self._guard.start()
        self._state.warden_pid = self._guard.pid
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(self._journal, tasks=tasks, changed=self._write_state)
            self._supervisor = supervisor
            keeper = tasks.create_task(self._guard.keep(), name="keep warden")
            failure: RunnerError | None = None
            try:
                await self._until_stop(self._start(supervisor))
                await self._stop.wait()
            except RunnerError as error:
                failure = error
            finally:
                await self._stop_all(supervisor)
                keeper.cancel()
        await self._guard.dismiss()
        if failure:
            raise failure

    async def _start(self, supervisor: Supervisor) -> None:
        plan, limit_s = self._plan, self._settings.start_timeout_s
        for spec in plan.backends:
            supervisor.add(spec)
        names = [spec.name for spec in plan.backends]
        if lacks := await supervisor.wait_ready(names, timeout_s=max(limit_s, _BACKENDS_S)):
            raise RunnerError("; ".join(f"{name}: {lack}" for name, lack in lacks.items()))
        if plan.postgres:
            await plan.postgres.ensure_database(DATABASE, password=plan.secrets.database_password)
        if plan.restoration:
            await supervisor.run_once(plan.restoration, timeout_s=_RESTORATION_S)
        if plan.migration:
            await supervisor.run_once(plan.migration, timeout_s=_MIGRATION_S)
        for spec in plan.services:
            supervisor.add(spec)
        names = [spec.name for spec in plan.services]
        self._state.lacks = await supervisor.wait_ready(names, timeout_s=limit_s)
        for name, lack in self._state.lacks.items():
            self._journal.note(f"{name} is not ready after {limit_s:g} s: {lack}", level="ERROR")
        # Who sees "ready" may stop the mesh at once: all has been said by then.
        self._journal.block(welcome(plan, self._settings, style=self._journal.format))
        plan.folder.welcomed.touch(mode=0o600)
        self._set_status("incomplete" if self._state.lacks else "ready")
        if plan.demo and not self._state.lacks:
            supervisor.add(plan.demo)

    async def _until_stop(self, work: Coroutine[Any, Any, None]) -> None:
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    async def _stop_all(self, supervisor: Supervisor) -> None:
        self._set_status("stopping")
        self._journal.note("Stopping; Ctrl-C again hurries")
        begun = time.monotonic()
        await supervisor.stop(hurry=self._hurry)
        for pid in await asyncio.to_thread(sweep, self._plan.belongings):
            self._journal.note(f"Process {pid} was left over and had to be killed", level="WARNING")
        self._journal.note(f"Stopped in {time.monotonic() - begun:.1f} s")
        self._set_status("stopped")

    def _set_status(self, status: Status) -> None:
        self._state.status = status
        self._write_state()

    def _write_state(self) -> None:
        self._state.warden_pid = self._guard.pid
        self._state.write(self._supervisor.records)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        if self._settings.die_with_parent or _is_make(os.getppid()):
            self._stop_with(os.getppid())

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._first_signal = time.monotonic()
            self._stop.set()
        elif time.monotonic() - self._first_signal > _SECOND_SIGNAL_S:
            self._hurry.set()

    def _stop_with(self, pid: int) -> None:
        """Stop when that process ends (Linux only; elsewhere only signals stop the runner)."""
        if hasattr(os, "pidfd_open"):
            loop = asyncio.get_running_loop()
            loop.add_reader(os.pidfd_open(pid), self._stop.set)


def _is_make(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() in {"make", "gmake"}
    except OSError:
        return False
