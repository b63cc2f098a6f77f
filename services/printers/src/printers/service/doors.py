"""Who may speak for a printer: whoever has its key (contract, chapter 7)."""

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from printers.keys import digest
from printers.models import Printer
from printers.repository import printers
from printers.service.gone import KeyMissing, WrongKey

LONGEST_KEY = 200


async def opened(
    session: AsyncSession, printer_id: str, api_key: str | None, *, lock: bool = False
) -> Printer:
    """The printer whose key this is; locked, its reports come one after another.

    Raises:
        KeyMissing: there is no key.
        WrongKey: it is not this printer's; an unknown printer is not told apart.
    """
    if not api_key:
        raise KeyMissing()
    if len(api_key) > LONGEST_KEY:
        raise WrongKey()
    printer = await printers.get_by_key(session, printer_id, digest(api_key), lock=lock)
    if printer is None:
        raise WrongKey()
    return printer


async def verify(database: Database, printer_id: str, api_key: str) -> None:
    """Let the owner of a key pass.

    Raises:
        WrongKey: it is not this printer's.
    """
    async with database.transaction() as session:
        await opened(session, printer_id, api_key)
