"""`/api/v1/cameras`: what sees the floor."""

from common.serve import service_router
from tracking.api.dependencies import CameraReader, Configurer, Serving, Text
from tracking.schemas.registry import CameraDraft, CameraList, CameraPatch, CameraView

router = service_router(prefix="/api/v1/cameras", tags=["cameras"])


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
