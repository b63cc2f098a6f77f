"""Printers as an operator keeps them: registration, keys, credentials, removal."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.pages import Page, PageRequest
from printers.keys import CredentialVault, digest, new_key
from printers.models import Job, Printer
from printers.repository import alerts, jobs, printers
from printers.schemas.printers import (
    AlertView,
    NewPrinter,
    PrinterDraft,
    PrinterPatch,
    PrinterView,
    needs_url,
)
from printers.service.gone import Busy, PrinterExists, PrinterGone, UrlMissing
from printers.service.telling import Teller
from printers.service.views import Lens, alert_view, printer_view

_UNKNOWN = {"link_state": "never", "link_error": None, "reported_state": "idle"}


class FleetService:
    """What users do with printers."""

    def __init__(self, database: Database, vault: CredentialVault, teller: Teller) -> None:
        self._database = database
        self._vault = vault
        self._teller = teller

    async def page(self, requested: PageRequest, lens: Lens) -> Page[PrinterView]:
        """One page of printers, by id."""
        async with self._database.transaction() as session:
            found, count = await printers.page(
                session, limit=requested.size, offset=requested.offset
            )
            views = await _views(session, found, lens)
        return requested.page(views, count=count)

    async def everyone(self, lens: Lens, *, printer_id: str | None) -> list[PrinterView]:
        """All printers, or the one of this id, for those who watch."""
        async with self._database.transaction() as session:
            found = await printers.everyone(session)
            chosen = [one for one in found if printer_id in (None, one.printer_id)]
            return await _views(session, chosen, lens)

    async def get(self, printer_id: str, lens: Lens) -> PrinterView:
        """One printer.

        Raises:
            PrinterGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            return (await _views(session, [await _known(session, printer_id)], lens))[0]

    async def register(self, draft: PrinterDraft, lens: Lens) -> NewPrinter:
        """Register a printer; its key is in this answer and nowhere else.

        Raises:
            PrinterExists: the id is in use.
        """
        key = new_key()
        fields = draft.model_dump(exclude={"credentials"})
        printer = Printer(
            **fields,
            key_hash=digest(key),
            sealed_credentials=self._vault.seal(draft.credentials),
        )
        async with self._database.transaction() as session:
            session.add(printer)
            try:
                await session.flush()
            except IntegrityError as error:
                raise PrinterExists() from error
            await session.refresh(printer)
            view = (await _views(session, [printer], lens))[0]
        await self._teller.printer(printer, None)
        return NewPrinter(**view.model_dump(), api_key=key)

    async def change(
        self, printer_id: str, patch: PrinterPatch | PrinterDraft, lens: Lens
    ) -> PrinterView:
        """Change what is named; credentials that are not named stay.

        Raises:
            PrinterGone: there is none of this id.
            UrlMissing: the driver needs an address.
        """
        changes = patch.model_dump(exclude_unset=isinstance(patch, PrinterPatch))
        changes.pop("printer_id", None)
        credentials = changes.pop("credentials", None)
        async with self._database.transaction() as session:
            printer = await _known(session, printer_id, lock=True)
            if credentials is not None and (credentials or isinstance(patch, PrinterPatch)):
                printer.sealed_credentials = self._vault.seal(credentials)
            if {"driver", "url"} & {n for n, v in changes.items() if getattr(printer, n) != v}:
                changes |= _UNKNOWN
            for name, value in changes.items():
                setattr(printer, name, value)
            if needs_url(printer.driver, printer.url):
                raise UrlMissing()
            printer.revision += 1
            printer.updated_at = func.now()
            await session.flush()
            await session.refresh(printer)
            view = (await _views(session, [printer], lens))[0]
        await self._teller.printer(printer, None)
        return view

    async def rotate_key(self, printer_id: str, lens: Lens) -> NewPrinter:
        """Give a printer a new key; the old one is worth nothing from then on.

        Raises:
            PrinterGone: there is none of this id.
        """
        key = new_key()
        async with self._database.transaction() as session:
            printer = await _known(session, printer_id, lock=True)
            printer.key_hash = digest(key)
            await session.flush()
            view = (await _views(session, [printer], lens))[0]
        await self._teller.key_revoked(printer_id)
        return NewPrinter(**view.model_dump(), api_key=key)

    async def remove(self, printer_id: str) -> None:
        """Remove a printer that prints nothing; its jobs stay.

        Raises:
            PrinterGone: there is none of this id.
            Busy: it prints.
        """
        async with self._database.transaction() as session:
            await _known(session, printer_id, lock=True)
            if await jobs.active_of(session, printer_id):
                raise Busy()
            await printers.remove(session, printer_id)
        await self._teller.removed(printer_id)

    async def alerts(
        self, printer_id: str | None, *, only_open: bool, is_english: bool
    ) -> list[AlertView]:
        """Alerts of one printer or of all, newest first.

        Raises:
            PrinterGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            if printer_id is not None:
                await _known(session, printer_id)
            found = await alerts.listed(
                session, printer_id=printer_id, only_open=only_open, limit=500
            )
        return [alert_view(one, is_english=is_english) for one in found]


async def _known(session: AsyncSession, printer_id: str, *, lock: bool = False) -> Printer:
    printer = await printers.get(session, printer_id, lock=lock)
    if printer is None:
        raise PrinterGone()
    return printer


async def _views(session: AsyncSession, found: Sequence[Printer], lens: Lens) -> list[PrinterView]:
    ids = [printer.printer_id for printer in found]
    current: dict[str, Job] = await printers.current_jobs(session, ids)
    usual = await jobs.usual_seconds(session, [job.model_file for job in current.values()])
    filament = await printers.filament_totals(session, ids)
    return [
        printer_view(
            printer,
            lens,
            job=(job := current.get(printer.printer_id)),
            usual_s=usual.get(job.model_file) if job is not None else None,
            filament_mm=filament.get(printer.printer_id, 0.0),
        )
        for printer in found
    ]
