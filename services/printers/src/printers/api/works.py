"""`/api/print-queue` and `/api/print-jobs` (contract, chapter 7)."""

from typing import Annotated

from fastapi import Query

from common.pages import Page, RequestedPage
from common.serve import service_router
from printers.api.dependencies import Reader, Seeing, Serving, Writer
from printers.schemas.printers import QueueDraft, QueuePatch, QueueView
from printers.schemas.status import FullStatus, JobMetrics
from printers.states import JobStatus

router = service_router(prefix="/api", tags=["prints"])


@router.get("/print-queue")
async def list_queue(
    page: RequestedPage,
    services: Serving,
    lens: Seeing,
    _: Reader,
    waiting: Annotated[bool | None, Query(description="Only what has no print yet.")] = None,
) -> Page[QueueView]:
    """List the queue, oldest first."""
    return await services.works.queue(page, lens, is_waiting=waiting)


@router.post("/print-queue", status_code=201)
async def enqueue(draft: QueueDraft, services: Serving, lens: Seeing, _: Writer) -> QueueView:
    """Add an item to the queue."""
    return await services.works.enqueue(draft, lens)


@router.get("/print-queue/{item_id}")
async def get_item(item_id: int, services: Serving, lens: Seeing, _: Reader) -> QueueView:
    """Get one queue item."""
    return await services.works.item(item_id, lens)


@router.put("/print-queue/{item_id}")
async def replace_item(
    item_id: int, draft: QueueDraft, services: Serving, lens: Seeing, _: Writer
) -> QueueView:
    """Replace an item that has not been started."""
    return await services.works.change(item_id, draft, lens)


@router.patch("/print-queue/{item_id}")
async def change_item(
    item_id: int, patch: QueuePatch, services: Serving, lens: Seeing, _: Writer
) -> QueueView:
    """Change some fields of an item that has not been started."""
    return await services.works.change(item_id, patch, lens)


@router.delete("/print-queue/{item_id}", status_code=204)
async def remove_item(item_id: int, services: Serving, _: Writer) -> None:
    """Remove an item that is not being printed."""
    await services.works.remove(item_id)


@router.get("/print-jobs")
async def list_prints(
    page: RequestedPage,
    services: Serving,
    lens: Seeing,
    _: Reader,
    printer_id: Annotated[str | None, Query(max_length=64)] = None,
    status: JobStatus | None = None,
) -> Page[FullStatus]:
    """List prints, newest first."""
    return await services.works.prints(page, lens, printer_id=printer_id, status=status)


@router.get("/print-jobs/{print_status_id}")
async def get_print(print_status_id: int, services: Serving, lens: Seeing, _: Reader) -> FullStatus:
    """Get one print."""
    return await services.works.print_(print_status_id, lens)


@router.get("/print-jobs/{print_status_id}/metrics")
async def get_history(
    print_status_id: int, services: Serving, lens: Seeing, _: Reader
) -> JobMetrics:
    """Get what was measured during a print, in at most so many points."""
    return await services.works.history(print_status_id, lens)
