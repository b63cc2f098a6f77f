"""`/api/v1/schedule` and `/api/v1/alert-rules`; PUT changes what is named."""

from typing import Annotated, Any

from fastapi import Body

from common.serve import service_router
from tracking.api.dependencies import Configurer, Reader, Serving
from tracking.schemas.rules import AlertRules, Schedule

router = service_router(prefix="/api/v1", tags=["schedule and rules"])
Change = Annotated[dict[str, Any], Body()]


@router.get("/schedule")
async def get_schedule(services: Serving, _: Reader) -> Schedule:
    """Get the schedule of indices and shifts."""
    return await services.rulebook.schedule()


@router.put("/schedule")
async def change_schedule(change: Change, services: Serving, _: Configurer) -> Schedule:
    """Change the schedule."""
    return await services.rulebook.change_schedule(change)


@router.get("/alert-rules")
async def get_rules(services: Serving, _: Reader) -> AlertRules:
    """Get the floor's times, distances and rules."""
    return await services.rulebook.rules()


@router.put("/alert-rules")
async def change_rules(change: Change, services: Serving, _: Configurer) -> AlertRules:
    """Change times, distances and rules, in force from the next batch on."""
    return await services.rulebook.change_rules(change)
