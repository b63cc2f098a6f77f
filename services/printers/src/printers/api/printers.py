"""`/api/printers`: registration, keys, commands and alerts (contract, chapter 7)."""

from typing import Annotated

from fastapi import Query, Response

from common.pages import Page, RequestedPage
from common.serve import service_router
from printers.api.dependencies import Reader, Seeing, Serving, Writer
from printers.schemas.printers import (
    AlertView,
    CommandRequest,
    CommandView,
    NewPrinter,
    PrinterDraft,
    PrinterPatch,
    PrinterView,
)

router = service_router(prefix="/api/printers", tags=["printers"])


@router.get("")
async def list_printers(
    page: RequestedPage, services: Serving, lens: Seeing, _: Reader
) -> Page[PrinterView]:
    """List the printers by id."""
    return await services.fleet.page(page, lens)


@router.post("", status_code=201)
async def register_printer(
    draft: PrinterDraft, services: Serving, lens: Seeing, _: Writer
) -> NewPrinter:
    """Register a printer; `api_key` is shown this once."""
    return await services.fleet.register(draft, lens)


@router.get("/{printer_id}")
async def get_printer(printer_id: str, services: Serving, lens: Seeing, _: Reader) -> PrinterView:
    """Get one printer."""
    return await services.fleet.get(printer_id, lens)


@router.put("/{printer_id}")
async def replace_printer(
    printer_id: str, draft: PrinterDraft, services: Serving, lens: Seeing, _: Writer
) -> PrinterView:
    """Replace a printer's fields; id and key stay, credentials too unless new ones are given."""
    return await services.fleet.change(printer_id, draft, lens)


@router.patch("/{printer_id}")
async def change_printer(
    printer_id: str, patch: PrinterPatch, services: Serving, lens: Seeing, _: Writer
) -> PrinterView:
    """Change some fields; empty `credentials` forget what was kept."""
    return await services.fleet.change(printer_id, patch, lens)


@router.delete("/{printer_id}", status_code=204)
async def remove_printer(printer_id: str, services: Serving, _: Writer) -> None:
    """Remove a printer that prints nothing; its prints stay."""
    await services.fleet.remove(printer_id)


@router.post("/{printer_id}/rotate-key")
async def rotate_key(printer_id: str, services: Serving, lens: Seeing, _: Writer) -> NewPrinter:
    """Give the printer a new key; the old one ends at once."""
    return await services.fleet.rotate_key(printer_id, lens)


@router.post("/{printer_id}/commands", responses={202: {"description": "Not yet obeyed."}})
async def command_printer(
    printer_id: str,
    request: CommandRequest,
    response: Response,
    services: Serving,
    caller: Writer,
) -> CommandView:
    """Pause, resume or cancel; 200 once the printer's own state shows it, 202 while it does not."""
    command = await services.commands.give(printer_id, request.command, caller)
    if command.state != "acknowledged":
        response.status_code = 202
    return command


@router.get("/{printer_id}/commands")
async def list_commands(
    printer_id: str, page: RequestedPage, services: Serving, _: Reader
) -> Page[CommandView]:
    """List what was asked of a printer, by whom, and what came of it."""
    return await services.commands.page(printer_id, page)


@router.get("/{printer_id}/commands/{command_id}")
async def get_command(
    printer_id: str, command_id: int, services: Serving, _: Reader
) -> CommandView:
    """Get one command."""
    return await services.commands.one(printer_id, command_id)


@router.get("/{printer_id}/alerts")
async def list_alerts(
    printer_id: str,
    services: Serving,
    lens: Seeing,
    _: Reader,
    open_only: Annotated[bool, Query(alias="open")] = False,
) -> list[AlertView]:
    """List a printer's alerts, newest first."""
    return await services.fleet.alerts(printer_id, only_open=open_only, is_english=lens.is_english)
