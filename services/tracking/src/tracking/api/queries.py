"""`/api/v1/query`: questions about the floor, answered from its data; `/stream` by SSE."""

from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from common.serve import service_router
from tracking.api.dependencies import Reader, Services, Serving
from tracking.schemas.queries import Answer, FinalEvent, QueryRequest

router = service_router(prefix="/api/v1/query", tags=["query"])
_STREAM: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/event-stream": {}}}}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.post("", response_model=Answer, responses=_STREAM)
async def ask(request: QueryRequest, services: Serving, _: Reader) -> Response | Answer:
    """Ask a question in Thai, English or Portuguese; every number of the answer has a source."""
    if request.stream:
        return await ask_and_stream(request, services, _)
    return await services.answers.answer(request)


@router.post("/stream", response_class=StreamingResponse, responses=_STREAM)
async def ask_and_stream(request: QueryRequest, services: Serving, _: Reader) -> Response:
    """Ask, and get the answer piece by piece as Server-Sent Events, then whole."""
    events = _events(request, services)
    # The first piece is waited for: what cannot be answered is an error, not a broken stream.
    first = await anext(events)
    return StreamingResponse(
        _chained(first, events), media_type="text/event-stream", headers=_HEADERS
    )


async def _events(request: QueryRequest, services: Services) -> AsyncIterator[bytes]:
    answers = services.answers
    prepared = await answers.prepare(request)
    parts: list[str] = []
    async for piece in answers.pieces(prepared, is_required=request.require_llm):
        parts.append(piece)
        yield _event({"type": "chunk", "content": piece})
    yield _event(FinalEvent(**answers.final(prepared, parts).model_dump()).model_dump(mode="json"))


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in rest:
        yield event


def _event(body: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"
