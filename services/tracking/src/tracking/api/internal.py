"""`/internal/*`: what other services ask (contract, chapter 3)."""

from typing import Annotated

from fastapi import Depends, Query

from common.auth import require_service
from common.serve import service_router
from tracking.api.dependencies import Serving
from tracking.schemas.alerts import PlatformAlert

router = service_router(
    prefix="/internal", dependencies=[Depends(require_service)], include_in_schema=False
)


@router.get("/alerts")
async def all_alerts(
    services: Serving, open_only: Annotated[bool, Query(alias="open")] = True
) -> list[PlatformAlert]:
    """The floor's alerts, for the platform's list."""
    return await services.attention.platform(only_open=open_only)
