"""`/api/v1/cameras`: what sees the floor."""

from typing import Annotated

from fastapi import Depends, Response

from common.auth import Principal, require
from common.serve import service_router
from tracking.api.dependencies import CameraReader, Configurer, Serving, Text
from tracking.schemas.registry import (
    CameraAddress,
    CameraDraft,
    CameraList,
    CameraPatch,
    CameraView,
)

router = service_router(prefix="/api/v1/cameras", tags=["cameras"])
Observer = Annotated[Principal, Depends(require("observations:write"))]


@router.get("")
async def list_cameras(services: Serving, _: CameraReader, status: Text = None) -> CameraList:
    """List the cameras by id, without credentials."""
    return await services.lenses.listed(status=status)


@router.post("", status_code=201)
async def add_camera(draft: CameraDraft, services: Serving, _: Configurer) -> CameraView:
    """Add a camera; credentials in its address are never shown again."""
    return await services.lenses.add(draft)


@router.get("/{camera_id}")
async def get_camera(camera_id: str, services: Serving, _: CameraReader) -> CameraView:
    """Get one camera."""
    return await services.lenses.get(camera_id)


@router.put("/{camera_id}")
async def change_camera(
    camera_id: str, patch: CameraPatch, services: Serving, _: Configurer
) -> CameraView:
    """Change the fields that are named; an address as it was shown keeps its credentials."""
    return await services.lenses.change(camera_id, patch)


@router.delete("/{camera_id}", status_code=204)
async def deactivate_camera(camera_id: str, services: Serving, _: Configurer) -> None:
    """Take a camera out of use; what it saw stays."""
    await services.lenses.deactivate(camera_id)


@router.get(
    "/{camera_id}/snapshot",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_snapshot(camera_id: str, services: Serving, _: CameraReader) -> Response:
    """Get a picture of what the camera sees now, with the people who were found."""
    picture = await services.running.snapshot(camera_id)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/{camera_id}/address", include_in_schema=False)
async def get_address(camera_id: str, services: Serving, _: Observer) -> CameraAddress:
    """Tell a vision node where the camera is reached."""
    return CameraAddress(address=await services.running.address(camera_id))
