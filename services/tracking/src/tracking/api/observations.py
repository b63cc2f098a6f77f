"""`POST /api/v1/observations`: frames in, from vision nodes and other trackers."""

from typing import Annotated

from fastapi import Depends

from common.auth import Principal, require
from common.serve import service_router
from tracking.api.dependencies import Serving
from tracking.schemas.observations import Batch, Receipt

router = service_router(prefix="/api/v1/observations", tags=["observations"])
Observer = Annotated[Principal, Depends(require("observations:write"))]


@router.post("", status_code=202)
async def take_observations(batch: Batch, services: Serving, _: Observer) -> Receipt:
    """Take frames in; (camera, frame_id) is idempotent. They are stored when this answers."""
    return await services.intake.take(batch)
