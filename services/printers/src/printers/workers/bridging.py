"""Keeps a bridge to each printer: a task, a timeout and a back-off each, none waits for another."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp

from common.db import Database
from common.loops import PASSING, repeat
from common.pool import Pool
from printers import metrics
from printers.bridges import BRIDGES, Bridge
from printers.keys import CredentialVault
from printers.models import Printer
from printers.reach import Line, Reach, open_session
from printers.reports import Address, AuthFailed, HostRefused, LinkBroken, Report
from printers.repository import glances, printers
from printers.service.commanding import CommandFailed
from printers.service.hearing import Hearing
from printers.settings import Settings
from printers.states import CommandName
from printers.throttle import Throttle

_LOOK_S: Final = 1.0
_STEADY_S: Final = 30.0
_STORE_TRIES: Final = 30
_STATES: Final = ("connecting", "up", "auth_failed", "refused", "unreachable")
_log = logging.getLogger("bridges")


@dataclass(slots=True)
class _Kept:
    """A bridge that is being kept up."""

    revision: int
    task: "asyncio.Task[None]"
    bridge: Bridge | None = None
    state: str = "connecting"


class Supervisor:
    """Starts, restarts and stops bridges as printers are registered, changed and removed."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        pool: Pool,
        vault: CredentialVault,
        hearing: Hearing,
        random_of: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._database = database
        self._pool = pool
        self._vault = vault
        self._hearing = hearing
        self._random_of = random_of
        self._reach = Reach(settings)
        self._kept: dict[str, _Kept] = {}

    def is_linked(self, printer_id: str) -> bool:
        """True while the printer's bridge has a link to it."""
        kept = self._kept.get(printer_id)
        return kept is not None and kept.bridge is not None and kept.state == "up"

    async def send(self, printer_id: str, command: CommandName) -> None:
        """Pass a command on.

        Raises:
            CommandFailed: there is no link, or the printer's host refused.
        """
        kept = self._kept.get(printer_id)
        if kept is None or kept.bridge is None:
            raise CommandFailed("there is no link to the printer")
        try:
            async with asyncio.timeout(self._settings.printer_timeout_s):
                await kept.bridge.command(command)
        except (LinkBroken, HostRefused, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CommandFailed(_text_of(error)) from error

    async def run(self) -> None:
        """Work until cancelled."""
        async with (
            open_session(self._settings, self._reach) as session,
            asyncio.TaskGroup() as tasks,
        ):

            async def look() -> None:
                await self._look(tasks, session)

            await repeat(look, name="bridges", every_s=min(_LOOK_S, self._settings.printer_sweep_s))

    async def _look(self, tasks: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        async with self._pool.connection() as connection:
            revisions = await glances.bridged(connection, list(BRIDGES))
        kept_now = {name: one.revision for name, one in self._kept.items() if not one.task.done()}
        if revisions != kept_now:
            await self._change(tasks, session)
        for state in _STATES:
            count = sum(kept.state == state for kept in self._kept.values())
            metrics.BRIDGES.labels(state).set(count)

    async def _change(self, tasks: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        """Start and stop bridges until they are those of the printers."""
        async with self._database.transaction() as database_session:
            found = await printers.bridged(database_session)
        wanted = {one.printer_id: one for one in found if one.driver in BRIDGES}
        for printer_id, kept in list(self._kept.items()):
            printer = wanted.get(printer_id)
            if printer is None or printer.revision != kept.revision or kept.task.done():
                kept.task.cancel()
                del self._kept[printer_id]
        for printer_id, printer in wanted.items():
            if printer_id not in self._kept:
                task = tasks.create_task(self._keep(printer, session))
                self._kept[printer_id] = _Kept(printer.revision, task)

    async def _keep(self, printer: Printer, session: aiohttp.ClientSession) -> None:
        """Connect, follow, and begin again after a pause, for ever."""
        credentials = await asyncio.to_thread(self._vault.unseal, printer.sealed_credentials)
        address = Address(printer.printer_id, printer.url, credentials)
        failures = 0
        await asyncio.sleep(self._random_of() * min(1.0, self._settings.printer_retry_s))
        while True:
            began = time.monotonic()
            bridge = BRIDGES[printer.driver](
                address,
                Line(session, self._reach, printer.url),
                poll_s=self._settings.printer_poll_s,
            )
            state, error = await self._follow(printer.printer_id, bridge, driver=printer.driver)
            failures = 0 if time.monotonic() - began > _STEADY_S else failures + 1
            metrics.RECONNECTS.labels(state).inc()
            _log.info("%s: %s: %s", printer.printer_id, state, error)
            await self._note(printer.printer_id, state, error)
            await asyncio.sleep(self._pause_s(failures, is_refused=state != "unreachable"))

    def _pause_s(self, failures: int, *, is_refused: bool) -> float:
        most_s = self._settings.printer_retry_most_s
        doubled_s = self._settings.printer_retry_s * 2 ** min(failures - 1, 20)
        pause_s = most_s if is_refused else min(most_s, doubled_s)
        return pause_s * (0.5 + self._random_of())

    async def _follow(self, printer_id: str, bridge: Bridge, *, driver: str) -> tuple[str, str]:
        """Run a bridge until its link breaks; the state that it leaves, and why."""
        throttle = Throttle(self._settings.printer_report_s)
        kept = self._kept.get(printer_id)

        async def hear(report: Report) -> None:
            if kept is not None:
                kept.bridge, kept.state = bridge, "up"
            for one in throttle.take(report):
                await self._store(printer_id, one, driver=driver)

        try:
            await bridge.run(hear)
        except Exception as error:
            cause = _leaf(error)
            state = _state_of(cause)
            if state == "bug":
                # One bridge that breaks must not end the others; the log has it whole.
                _log.exception("the bridge of %s", printer_id)
            outcome = ("unreachable" if state == "bug" else state, _text_of(cause))
        else:
            outcome = ("unreachable", "the link was closed")
        if kept is not None:
            kept.bridge, kept.state = None, outcome[0]
        return outcome

    async def _store(self, printer_id: str, report: Report, *, driver: str) -> None:
        """Store a report; a turn waits for a database that is away."""
        for _ in range(_STORE_TRIES if report.is_turn else 1):
            try:
                await self._hearing.hear(printer_id, report, driver=driver)
            except PASSING as error:
                _log.warning("a report of %s is not stored: %r", printer_id, error)
                await asyncio.sleep(_LOOK_S)
            else:
                return

    async def _note(self, printer_id: str, state: str, error: str) -> None:
        try:
            await self._hearing.link(printer_id, state, error)
        except PASSING as failure:
            _log.warning("the link of %s is not noted: %r", printer_id, failure)


def _leaf(error: BaseException) -> BaseException:
    """What went wrong in a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _state_of(error: BaseException) -> str:
    if isinstance(error, AuthFailed):
        return "auth_failed"
    if isinstance(error, HostRefused):
        return "refused"
    is_link = isinstance(error, LinkBroken | aiohttp.ClientError | OSError | TimeoutError)
    return "unreachable" if is_link else "bug"


def _text_of(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]
