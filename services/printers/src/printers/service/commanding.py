"""Commands to printers: asked, audited, and done only when the printer's own state shows it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from common.auth import Principal
from common.db import Database
from common.pages import Page, PageRequest
from printers.models import Command, Printer
from printers.repository import commands, printers
from printers.schemas.printers import CommandView
from printers.schemas.status import LARGEST_ID
from printers.service.gone import (
    CommandGone,
    NoCommands,
    NotNow,
    PrinterGone,
    Unreachable,
)
from printers.service.telling import Teller
from printers.service.views import command_view
from printers.settings import Settings
from printers.states import CommandName

_POLL_S: Final = 0.2
_ADMITTED: Final = {
    "pause": ("printing", "preparing", "pending"),
    "resume": ("paused",),
    "cancel": ("printing", "paused", "preparing", "pending"),
}
_log = logging.getLogger("commands")


class CommandFailed(Exception):
    """The printer, or the way to it, refused a command."""


class Switchboard(Protocol):
    """Whoever holds the links to the printers."""

    def is_linked(self, printer_id: str) -> bool:
        """True while the printer's bridge has a link to it."""

    async def send(self, printer_id: str, command: CommandName) -> None:
        """Pass a command on.

        Raises:
            CommandFailed: it could not be passed on.
        """


class CommandService:
    """What users ask printers to do."""

    def __init__(
        self, settings: Settings, *, database: Database, switchboard: Switchboard, teller: Teller
    ) -> None:
        self._settings = settings
        self._database = database
        self._switchboard = switchboard
        self._teller = teller

    async def give(self, printer_id: str, name: CommandName, caller: Principal) -> CommandView:
        """Ask a printer to do something, and wait a while for it to be seen doing so.

        Raises:
            PrinterGone: there is none of this id.
            NoCommands: its driver takes none.
            Unreachable: the bridge has no link to it.
            NotNow: its state does not admit it.
        """
        async with self._database.transaction() as session:
            printer = await printers.get(session, printer_id)
            if printer is None:
                raise PrinterGone()
            current = (await printers.current_jobs(session, [printer_id])).get(printer_id)
            self._check(printer, name, job_status=current.status if current else None)
            command = Command(
                printer_id=printer_id,
                job_id=current.id if current is not None else None,
                command=name,
                requested_by=caller.subject,
            )
            session.add(command)
            await session.flush()
            await session.refresh(command)
        _log.info(
            "%s asks %s to %s", caller.subject, printer_id, name, extra={"command_id": command.id}
        )
        await self._teller.commands([command])
        return command_view(await self._carry_out(command))

    def _check(self, printer: Printer, name: CommandName, *, job_status: str | None) -> None:
        if printer.driver not in ("octoprint", "moonraker"):
            raise NoCommands()
        if job_status not in _ADMITTED[name]:
            raise NotNow()
        if not self._switchboard.is_linked(printer.printer_id):
            raise Unreachable()

    async def _carry_out(self, command: Command) -> Command:
        name: CommandName = command.command  # type: ignore[assignment]  # the column holds no other
        try:
            await self._switchboard.send(command.printer_id, name)
        except CommandFailed as error:
            return await self._moved(command, "failed", error=str(error))
        command = await self._moved(command, "sent")

        async def seen() -> Command | None:
            found = await self._fetch(command.printer_id, command.id)
            return found if found.state not in ("requested", "sent") else None

        return await _soon(seen, within_s=self._settings.printer_command_wait_s) or command

    async def _moved(self, command: Command, state: str, *, error: str | None = None) -> Command:
        async with self._database.transaction() as session:
            await commands.mark(session, command.id, state=state, error=error)
        moved = await self._fetch(command.printer_id, command.id)
        await self._teller.commands([moved])
        return moved

    async def one(self, printer_id: str, command_id: int) -> CommandView:
        """One command.

        Raises:
            CommandGone: there is no such command of this printer.
        """
        return command_view(await self._fetch(printer_id, command_id))

    async def page(self, printer_id: str, requested: PageRequest) -> Page[CommandView]:
        """One page of a printer's commands, newest first."""
        async with self._database.transaction() as session:
            found, count = await commands.page(
                session, printer_id, limit=requested.size, offset=requested.offset
            )
        return requested.page([command_view(one) for one in found], count=count)

    async def _fetch(self, printer_id: str, command_id: int) -> Command:
        async with self._database.transaction() as session:
            is_id = 1 <= command_id <= LARGEST_ID
            found = await commands.get(session, printer_id, command_id) if is_id else None
        if found is None:
            raise CommandGone()
        return found


async def _soon(ask: Callable[[], Awaitable[Command | None]], *, within_s: float) -> Command | None:
    """The answer as soon as there is one; None when there is none in time."""
    for _ in range(int(within_s / _POLL_S) + 1):
        if (answer := await ask()) is not None:
            return answer
        await asyncio.sleep(_POLL_S)
    return None
