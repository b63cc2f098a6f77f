"""`/api/v1/inspections`: made, followed and ended (contract, chapter 5)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Body, Depends, Query, Response
from fastapi.responses import StreamingResponse

from common.moments import WrittenMoment
from common.pages import Page, RequestedPage
from common.schemas.vision import InspectionStatus
from common.serve import service_router
from orchestrator.api.dependencies import Reader, Remover, Serving, Writer
from orchestrator.repository.inspections import InspectionFilter
from orchestrator.schemas.inspections import (
    InspectionDraft,
    InspectionPatch,
    InspectionSummary,
    InspectionView,
    SendRequest,
)

router = service_router(prefix="/api/v1/inspections", tags=["inspections"])
# What a browser may show by itself; anything else is only saved.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "application/json"})


async def _filter(
    status: InspectionStatus | None = None,
    machine_id: Annotated[str | None, Query(max_length=64)] = None,
    inspection_type: Annotated[str | None, Query(max_length=64)] = None,
    created_after: WrittenMoment | None = None,
    created_before: WrittenMoment | None = None,
) -> InspectionFilter:
    return InspectionFilter(
        status=status,
        machine_id=machine_id,
        inspection_type=inspection_type,
        created_after=_aware(created_after),
        created_before=_aware(created_before),
    )


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


@router.get("")
async def list_inspections(
    page: RequestedPage,
    services: Serving,
    _: Reader,
    chosen: Annotated[InspectionFilter, Depends(_filter)],
) -> Page[InspectionSummary]:
    """List inspections, newest first."""
    return await services.inspections.page(page, chosen)


@router.post("", status_code=201)
async def create_inspection(
    draft: InspectionDraft, services: Serving, principal: Writer
) -> InspectionView:
    """Make an inspection; it is queued at once unless `auto_distribute` is false."""
    return await services.inspections.create(draft, principal)


@router.get("/{inspection_id}")
async def get_inspection(inspection_id: str, services: Serving, _: Reader) -> InspectionView:
    """Get the whole record."""
    return await services.queue.record(inspection_id)


@router.put("/{inspection_id}")
async def replace_inspection(
    inspection_id: str, draft: InspectionDraft, services: Serving, _: Writer
) -> InspectionView:
    """Replace an inspection's fields; what it does only while it waits."""
    return await services.inspections.change(inspection_id, draft)


@router.patch("/{inspection_id}")
async def change_inspection(
    inspection_id: str, patch: InspectionPatch, services: Serving, _: Writer
) -> InspectionView:
    """Change some fields; what it does only while it waits."""
    return await services.inspections.change(inspection_id, patch)


@router.delete("/{inspection_id}", status_code=204)
async def remove_inspection(inspection_id: str, services: Serving, _: Remover) -> None:
    """Remove an inspection that no machine works on, with its results and artifacts."""
    await services.inspections.remove(inspection_id)


@router.post("/{inspection_id}/send", responses={202: {"description": "It waits."}})
async def send_inspection(
    inspection_id: str,
    response: Response,
    services: Serving,
    _: Writer,
    request: Annotated[SendRequest | None, Body()] = None,
) -> InspectionView:
    """Send an inspection to one machine; 202 when it has to wait for that machine."""
    record = await services.queue.send(inspection_id, request or SendRequest())
    if record.status == "pending":
        response.status_code = 202
    return record


@router.post("/{inspection_id}/cancel")
async def cancel_inspection(inspection_id: str, services: Serving, _: Writer) -> InspectionView:
    """Cancel an inspection that has not ended."""
    record, machine_id = await services.inspections.cancel(inspection_id)
    if machine_id is not None:
        services.recalls.add(inspection_id, machine_id)
    return record


@router.post("/{inspection_id}/retry")
async def retry_inspection(inspection_id: str, services: Serving, _: Writer) -> InspectionView:
    """Queue an inspection that failed or was cancelled once more."""
    return await services.inspections.retry(inspection_id)


@router.get(
    "/{inspection_id}/artifacts/{name}",
    response_class=StreamingResponse,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_artifact(
    inspection_id: str, name: str, services: Serving, _: Reader
) -> StreamingResponse:
    """Get a file that came with the results, such as the overlay picture."""
    artifact = await services.artifacts.find(inspection_id, name)
    is_shown = artifact.media_type in _SHOWN
    return StreamingResponse(
        services.storage.stream(artifact.storage_key),
        media_type=artifact.media_type if is_shown else "application/octet-stream",
        headers={
            "Content-Length": str(artifact.size_bytes),
            "Content-Disposition": f'{"inline" if is_shown else "attachment"}; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        },
    )
