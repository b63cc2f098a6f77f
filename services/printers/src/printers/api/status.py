"""`/api/status`: the documented interface of printers (contract, chapter 7)."""

from typing import Annotated

from fastapi import Path, Query, Response

from common.serve import service_router
from printers.api.dependencies import VERIFIED, HeaderKey, Seeing, Serving, Visitor
from printers.schemas.status import (
    ActiveJobs,
    BasicStatus,
    FullStatus,
    Started,
    StartRequest,
    Updated,
    UpdateRequest,
)

router = service_router(prefix="/api/status", tags=["status"])
QueryKey = Annotated[str | None, Query(alias="api_key", description="The printer's key.")]


@router.post("/start")
async def start(
    request: StartRequest,
    response: Response,
    services: Serving,
    lens: Seeing,
    key: HeaderKey = None,
) -> Started:
    """Begin to watch the print of a queue item."""
    answer = await services.statuses.start(request, request.api_key or key, lens)
    response.headers[VERIFIED] = f"printer:{request.printer_id}"
    return answer


@router.post("/update")
async def update(
    request: UpdateRequest,
    response: Response,
    services: Serving,
    lens: Seeing,
    key: HeaderKey = None,
) -> Updated:
    """Take a print's state, progress, message or readings."""
    answer = await services.statuses.update(request, request.api_key or key, lens)
    response.headers[VERIFIED] = f"printer:{request.printer_id}"
    return answer


@router.get("/printer/{printer_id}")
async def active_prints(
    printer_id: str,
    response: Response,
    services: Serving,
    lens: Seeing,
    api_key: QueryKey = None,
    key: HeaderKey = None,
) -> ActiveJobs:
    """List the prints that a printer is working on."""
    answer = await services.statuses.active(printer_id, api_key or key, lens)
    response.headers[VERIFIED] = f"printer:{printer_id}"
    return answer


# Only numbers: what has a name of its own here is no print, and says which methods it takes.
@router.get("/{print_status_id:int}")
async def one_print(
    print_status_id: Annotated[int, Path(description="Id of the print.")],
    response: Response,
    services: Serving,
    lens: Seeing,
    caller: Visitor,
    printer_id: Annotated[str | None, Query()] = None,
    api_key: QueryKey = None,
    key: HeaderKey = None,
) -> FullStatus | BasicStatus:
    """Get one print: whole with its printer's key, basic without."""
    view, owner = await services.statuses.one(
        print_status_id,
        lens,
        printer_id=printer_id,
        api_key=api_key or key,
        is_user=caller is not None and caller.has("read"),
    )
    if owner is not None:
        response.headers[VERIFIED] = f"printer:{owner}"
    return view
