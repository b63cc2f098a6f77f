"""One file a protocol: each speaks for printers that know nothing of us (DESIGN, idea 6).

A bridge is a class with `run(hear)`, which reports until its link breaks, and `command(name)`.
"""

from typing import Final, Protocol

from printers.bridges.moonraker import Moonraker
from printers.bridges.octoprint import OctoPrint
from printers.reach import Line
from printers.reports import Address, Hear
from printers.states import CommandName


class Bridge(Protocol):
    """A link to one printer's host."""

    async def run(self, hear: Hear) -> None:
        """Report what the printer does until the link breaks.

        Raises:
            AuthFailed: the host refuses our key.
            HostRefused: the host may not be reached.
            LinkBroken, aiohttp.ClientError, TimeoutError, OSError: it does not answer.
        """

    async def command(self, name: CommandName) -> None:
        """Ask the printer to do something; its reports will show whether it did.

        Raises:
            LinkBroken, aiohttp.ClientError, TimeoutError, OSError: it was not asked.
        """


class Make(Protocol):
    """How a bridge is made."""

    def __call__(self, address: Address, line: Line, *, poll_s: float) -> Bridge:
        """A bridge that has not connected yet."""


BRIDGES: Final[dict[str, Make]] = {"octoprint": OctoPrint, "moonraker": Moonraker}
