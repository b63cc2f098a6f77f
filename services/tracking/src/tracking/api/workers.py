"""`/api/v1/workers`: people, not compute (contract, chapter 1, "Names that meet")."""

from common.serve import service_router
from tracking.api.dependencies import (
    Limit,
    Offset,
    Remover,
    Serving,
    Text,
    WorkerReader,
    Writer,
)
from tracking.schemas.registry import (
    WorkerDetail,
    WorkerDraft,
    WorkerList,
    WorkerPatch,
    WorkerView,
)

router = service_router(prefix="/api/v1/workers", tags=["workers"])


@router.get("")
async def list_workers(
    services: Serving,
    _: WorkerReader,
    active: bool | None = None,
    shift: Text = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> WorkerList:
    """List the workers by id."""
    return await services.people.page(active=active, shift=shift, limit=limit, offset=offset)


@router.post("", status_code=201)
async def register_worker(draft: WorkerDraft, services: Serving, _: Writer) -> WorkerView:
    """Register a worker."""
    return await services.people.register(draft)


@router.get("/{worker_id}")
async def get_worker(worker_id: str, services: Serving, _: WorkerReader) -> WorkerDetail:
    """Get a worker with their statistics."""
    return await services.people.get(worker_id)


@router.put("/{worker_id}")
async def change_worker(
    worker_id: str, patch: WorkerPatch, services: Serving, _: Writer
) -> WorkerView:
    """Change the fields that are named."""
    return await services.people.change(worker_id, patch)


@router.delete("/{worker_id}", status_code=204)
async def deactivate_worker(worker_id: str, services: Serving, _: Remover) -> None:
    """Deactivate a worker; their sessions stay."""
    await services.people.deactivate(worker_id)
