"""Stub."""

from printers.service.commanding import CommandFailed
from printers.states import CommandName


class Supervisor:
    """Stub."""

    def is_linked(self, printer_id: str) -> bool:
        """Stub."""
        return False

    async def send(self, printer_id: str, command: CommandName) -> None:
        """Stub."""
        raise CommandFailed("no link")
