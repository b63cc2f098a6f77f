"""`/api/status`: the documented interface of printers (contract, chapter 7)."""

from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Response
from pydantic import ValidationError

from common.asgi import header_of
from common.errors import Unavailable
from common.serve import service_router
from common.shortcuts import Call, Outcome, Shortcut
from printers.api.dependencies import (
    VERIFIED,
    HeaderKey,
    Seeing,
    Services,
    Serving,
    Visitor,
    lens_for,
)
from printers.schemas.status import (
    ActiveJobs,
    BasicStatus,
    FullStatus,
    Started,
    StartRequest,
    Updated,
    UpdateRequest,
)

_PREFIX: Final = "/api/status"
router = service_router(prefix=_PREFIX, tags=["status"])
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


def shortcuts(app: FastAPI) -> list[Shortcut]:
    """The same update without the framework, where nothing is wrong with it."""
    services: Services = app.state.services

    async def updated(call: Call) -> Outcome:
        if b"\\u0000" in call.body:
            return None
        try:
            request = UpdateRequest.model_validate_json(call.body)
        except ValidationError:
            return None
        key = request.api_key or header_of(call.scope, b"x-api-key")
        lens = lens_for(services.settings, header_of(call.scope, b"accept-language") or "")
        try:
            answer = await services.statuses.update_at_once(request, key, lens)
        except Unavailable as error:
            return error
        if answer is None:
            return None
        return Response(
            answer.model_dump_json(),
            media_type="application/json",
            headers={VERIFIED: f"printer:{request.printer_id}"},
        )

    return [Shortcut(f"{_PREFIX}/update", None, 200, updated)]


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
