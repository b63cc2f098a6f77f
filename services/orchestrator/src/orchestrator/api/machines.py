"""`/api/v1/machines`: registration, state and statistics (contract, chapter 5)."""

from typing import Annotated

from fastapi import Depends, Query, Response

from common.auth import Caller, Principal
from common.errors import Forbidden
from common.moments import WrittenMoment
from common.pages import Page, RequestedPage
from common.schemas.vision import MachineStatus
from common.serve import service_router
from orchestrator.api.dependencies import MachineReader, Remover, Serving, Writer
from orchestrator.schemas.machines import (
    MachineDraft,
    MachinePatch,
    MachineState,
    MachineStatistics,
    MachineView,
)
from orchestrator.service.figures import Period

router = service_router(prefix="/api/v1/machines", tags=["machines"])


async def _registrar(principal: Caller) -> Principal:
    if not (principal.has("write") or principal.has("machines:register")):
        raise Forbidden(details={"required": "write or machines:register"})
    return principal


@router.get("")
async def list_machines(
    page: RequestedPage,
    services: Serving,
    _: MachineReader,
    status: MachineStatus | None = None,
    name: Annotated[str | None, Query(max_length=200, description="Part of the name.")] = None,
) -> Page[MachineView]:
    """List the vision machines by name."""
    return await services.machines.page(page, status=status, name=name)


@router.post("", status_code=201, responses={200: {"description": "Registered again."}})
async def register_machine(
    draft: MachineDraft,
    response: Response,
    services: Serving,
    principal: Annotated[Principal, Depends(_registrar)],
) -> MachineView:
    """Register a machine; a node that registers its own name again is updated (200)."""
    machine, is_new = await services.machines.register(draft, principal)
    if not is_new:
        response.status_code = 200
    if draft.tools:
        await services.inspections.check_unchecked()
    return machine


@router.get("/{machine_id}")
async def get_machine(machine_id: str, services: Serving, _: MachineReader) -> MachineView:
    """Get one machine."""
    return await services.machines.get(machine_id)


@router.put("/{machine_id}")
async def replace_machine(
    machine_id: str, draft: MachineDraft, services: Serving, _: Writer
) -> MachineView:
    """Replace a machine's fields."""
    return await services.machines.replace(machine_id, draft)


@router.patch("/{machine_id}")
async def change_machine(
    machine_id: str, patch: MachinePatch, services: Serving, _: Writer
) -> MachineView:
    """Change some fields; `status` takes it out of service or back in."""
    return await services.machines.change(machine_id, patch)


@router.delete("/{machine_id}", status_code=204)
async def remove_machine(machine_id: str, services: Serving, _: Remover) -> None:
    """Remove a machine that works on nothing."""
    await services.machines.remove(machine_id)


@router.get("/{machine_id}/status")
async def machine_status(machine_id: str, services: Serving, _: MachineReader) -> MachineState:
    """What the machine does now and how it feels."""
    return await services.machines.state(machine_id)


@router.get("/{machine_id}/statistics")
async def machine_statistics(
    machine_id: str,
    services: Serving,
    _: MachineReader,
    period: Period | None = None,
    start_date: WrittenMoment | None = None,
    end_date: WrittenMoment | None = None,
) -> MachineStatistics:
    """What the machine did over a period, or between two dates; the last day by default."""
    return await services.figures.statistics(
        machine_id, period=period, start=start_date, end=end_date
    )
