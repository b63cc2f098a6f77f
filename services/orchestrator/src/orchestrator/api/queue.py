"""`/api/v1/orchestrator`, `/dead-letters` and `/dashboard` (contract, chapter 5)."""

from typing import Annotated

from fastapi import Body, Response

from common.pages import Page, RequestedPage
from common.serve import service_router
from orchestrator.api.dependencies import Reader, Serving, Writer
from orchestrator.repository.inspections import InspectionFilter
from orchestrator.schemas.inspections import InspectionSummary
from orchestrator.schemas.queue import (
    Dashboard,
    DistributeRequest,
    Distribution,
    QueueView,
    Replayed,
    ReplayRequest,
)

router = service_router(prefix="/api/v1", tags=["queue"])


@router.post(
    "/orchestrator/distribute",
    response_model_exclude_none=False,
    responses={202: {"description": "No machine is free: it waits."}},
)
async def distribute(
    request: DistributeRequest, response: Response, services: Serving, _: Writer
) -> Distribution:
    """Give an inspection to the machine that the strategy chooses; 202 when none is free."""
    answer = await services.queue.distribute(request)
    if answer.status == "pending":
        response.status_code = 202
    return answer


@router.get("/orchestrator/queue")
async def show_queue(services: Serving, _: Reader) -> QueueView:
    """The head of the queue with estimated waits, and what every machine does."""
    return await services.queue.view()


@router.get("/dead-letters")
async def list_dead_letters(
    page: RequestedPage, services: Serving, _: Reader
) -> Page[InspectionSummary]:
    """Inspections that the queue gave up, newest first."""
    return await services.inspections.page(page, InspectionFilter(is_dead=True))


@router.post("/dead-letters/replay")
async def replay_dead_letters(
    services: Serving, _: Writer, request: Annotated[ReplayRequest | None, Body()] = None
) -> Replayed:
    """Queue dead letters anew: these, or all when none is named."""
    ids = request.inspection_ids if request is not None else None
    return Replayed(replayed=await services.queue.replay(ids))


@router.get("/dashboard")
async def dashboard(services: Serving, _: Reader) -> Dashboard:
    """The floor at a glance."""
    return await services.figures.dashboard()
