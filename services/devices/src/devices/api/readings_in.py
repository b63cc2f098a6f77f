"""The doors for readings by HTTP: the documented list and ThingsBoard's telemetry."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Header, Request, Response

from common.errors import InvalidToken, ServiceError
from common.serve import service_router
from common.shortcuts import Call, Outcome, Shortcut
from devices.api.parts import DeviceId, IngestPart, Writer
from devices.ingest import Ingest, Owner
from devices.schemas import Accepted, ReadingIn
from devices.senml import MEDIA_TYPE as SENML

router: Final[APIRouter] = service_router(tags=["measurements"])
_LIST_PATH: Final = "/api/devices/{device_id}/measurements"
_TELEMETRY_PATH: Final = "/api/v1/{token}/telemetry"
# Every number of so many digits is an id that the database can hold.
_PLAIN_DIGITS: Final = 9
_VERIFIED: Final = "X-Gemba-Verified"
_READING: Final = ReadingIn.model_json_schema()
_LIST_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [_READING, {"type": "array", "maxItems": 1000, "items": _READING}]
                }
            },
            SENML: {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}
_VALUES: Final = {"type": "object", "additionalProperties": True}
_TIMED: Final = {
    "type": "object",
    "required": ["ts", "values"],
    "properties": {"ts": {"type": "integer", "description": "Milliseconds."}, "values": _VALUES},
}
_TELEMETRY_BODY: Final[dict[str, Any]] = {
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _TIMED,
                        _VALUES,
                        {"type": "array", "items": _TIMED},
                        {"type": "array", "items": _VALUES},
                    ]
                },
                "example": {"temperature": 25.5, "running": True},
            }
        },
    },
}


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@router.post(_LIST_PATH, status_code=201, openapi_extra=_LIST_BODY)
async def add_measurements(
    device_id: DeviceId,
    request: Request,
    ingest: IngestPart,
    caller: Writer,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Accepted:
    """Store one reading or a list of up to 1,000, whole or not at all."""
    accepted = await ingest.hand_in(
        device_id,
        await request.body(),
        media_type=_media_type(request),
        key=idempotency_key,
        caller=caller.subject,
    )
    return Accepted(accepted=accepted)


@router.post(_TELEMETRY_PATH, response_class=Response, openapi_extra=_TELEMETRY_BODY)
async def add_telemetry(token: str, request: Request, ingest: IngestPart) -> Response:
    """Store a device's telemetry in any of ThingsBoard's four JSON forms."""
    owner = await ingest.owner_of(token)
    body = await request.body()
    try:
        await ingest.telemetry(token, owner, body, media_type=_media_type(request))
    except InvalidToken:
        raise
    except ServiceError as error:
        error.headers.update(_verified(owner))
        raise
    return Response(status_code=200, headers=_verified(owner))


@router.post("/api/v1/{token}/attributes", response_class=Response)
async def take_attributes(token: str, ingest: IngestPart) -> Response:
    """Take a device's attributes, which nothing here keeps."""
    owner = await ingest.owner_of(token)
    return Response(status_code=200, headers=_verified(owner))


def _verified(owner: Owner) -> dict[str, str]:
    # The gateway counts against this device from now on, whatever becomes of the message.
    return {_VERIFIED: f"device:{owner.device_id}"}


def shortcuts(app: FastAPI) -> list[Shortcut]:
    """The same without the framework, for readings in which nothing is wrong."""
    ingest: Ingest = app.state.ingest

    async def list_taken(call: Call) -> Outcome:
        part = call.part
        is_id = part.isascii() and part.isdigit() and len(part) <= _PLAIN_DIGITS
        submission = ingest.read_plain(int(part), call.body) if is_id else None
        if submission is None:
            return None
        try:
            accepted = await ingest.store(submission)
        except ServiceError as error:
            return error
        return b'{"accepted":%d}' % accepted

    async def telemetry_taken(call: Call) -> Outcome:
        token = call.part
        owner = await ingest.owner_of(token)
        try:
            await ingest.telemetry(token, owner, call.body, media_type="application/json")
        except ServiceError as error:
            if not isinstance(error, InvalidToken):
                error.headers.update(_verified(owner))
            return error
        return Response(status_code=200, headers=_verified(owner))

    return [
        Shortcut(_LIST_PATH, "write", 201, list_taken, frozenset({b"idempotency-key"})),
        Shortcut(_TELEMETRY_PATH, None, 200, telemetry_taken),
    ]
