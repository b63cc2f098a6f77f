"""`POST /api/v1/observations`: frames in, from vision nodes and other trackers."""

from typing import Annotated, Final

from fastapi import Depends, FastAPI
from pydantic import ValidationError

from common.auth import Principal, require
from common.errors import ServiceError
from common.serve import service_router
from common.shortcuts import Call, Outcome, Shortcut
from tracking.api.dependencies import Services, Serving
from tracking.schemas.observations import Batch, Receipt

_PATH: Final = "/api/v1/observations"
_PERMISSION: Final = "observations:write"
router = service_router(prefix=_PATH, tags=["observations"])
Observer = Annotated[Principal, Depends(require(_PERMISSION))]


@router.post("", status_code=202)
async def take_observations(batch: Batch, services: Serving, _: Observer) -> Receipt:
    """Take frames in; (camera, frame_id) is idempotent. They are stored when this answers."""
    return await services.intake.take(batch)


def shortcuts(app: FastAPI) -> list[Shortcut]:
    """The same without the framework, for batches in which nothing is wrong."""
    services: Services = app.state.services

    async def taken(call: Call) -> Outcome:
        # An escape may stand for what no service can store; the strict reader tells.
        if b"\\u" in call.body:
            return None
        try:
            batch = Batch.model_validate_json(call.body)
        except ValidationError:
            return None
        try:
            receipt = await services.intake.take(batch)
        except ServiceError as error:
            return error
        return receipt.model_dump_json().encode()

    return [Shortcut(_PATH, _PERMISSION, 202, taken)]
