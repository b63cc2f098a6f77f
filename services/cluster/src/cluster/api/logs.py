"""Log lines of every service (contract, chapter 9)."""

from typing import Annotated

from fastapi import Query

from cluster.api.dependencies import Reader, Serving
from cluster.repository.logs import LogFilter
from cluster.schemas.shapes import LogPage, Trace
from cluster.service.logs import LEVELS
from common.errors import NotFound, ValidationFailed
from common.moments import UtcMoment
from common.serve import service_router

router = service_router(prefix="/logs", tags=["logs"])
_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL"}


@router.get("")
async def list_logs(
    services: Serving,
    _: Reader,
    level: Annotated[str | None, Query(description="The least level.")] = None,
    component: Annotated[str | None, Query(max_length=100)] = None,
    since: UtcMoment | None = None,
    until: UtcMoment | None = None,
    request_id: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the message.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> LogPage:
    """Lines that match, newest first; `total` counts up to 100,000."""
    wanted = LogFilter(
        level=_level(level),
        component=component,
        since=since,
        until=until,
        request_id=request_id,
        q=q,
    )
    return await services.logs.search(wanted, limit=limit, offset=offset)


@router.get("/traces/{request_id}")
async def get_trace(request_id: str, services: Serving, _: Reader) -> Trace:
    """One request's way through the mesh: every service's lines in order."""
    trace = await services.logs.trace(request_id)
    if trace is None:
        raise NotFound("No line of any service has this request id.")
    return trace


def _level(text: str | None) -> int | None:
    if text is None:
        return None
    name = _ALIASES.get(text.upper(), text.upper())
    if name not in LEVELS:
        reason = f"must be one of {', '.join(LEVELS)}"
        raise ValidationFailed(fields={"level": [reason]}, in_body=False)
    return LEVELS[name]
