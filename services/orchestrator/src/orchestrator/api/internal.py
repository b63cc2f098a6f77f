"""`/internal/*`: what the cluster service asks (contract, chapter 3)."""

from fastapi import Depends

from common.auth import require_service
from common.serve import service_router
from orchestrator.api.dependencies import Serving
from orchestrator.schemas.queue import Acknowledged

router = service_router(
    prefix="/internal", dependencies=[Depends(require_service)], include_in_schema=False
)


@router.post("/machines/{machine_id}/restart", status_code=202)
async def restart_machine(machine_id: str, services: Serving) -> Acknowledged:
    """Tell a machine to end, so that whatever runs it starts it anew."""
    await services.dispatcher.restart(machine_id)
    return Acknowledged()
