"""`/api/v1/zones`: polygons on a camera's picture."""

from common.serve import service_router
from tracking.api.dependencies import Remover, Serving, Text, Writer, ZoneReader
from tracking.schemas.registry import ZoneDraft, ZoneList, ZonePatch, ZoneView

router = service_router(prefix="/api/v1/zones", tags=["zones"])


@router.get("")
async def list_zones(
    services: Serving, _: ZoneReader, camera_id: Text = None, active: bool | None = None
) -> ZoneList:
    """List the zones by id."""
    return await services.places.listed(camera_id=camera_id, active=active)


@router.post("", status_code=201)
async def draw_zone(draft: ZoneDraft, services: Serving, _: Writer) -> ZoneView:
    """Draw a zone: a simple polygon inside the camera's picture."""
    return await services.places.draw(draft)


@router.get("/{zone_id}")
async def get_zone(zone_id: str, services: Serving, _: ZoneReader) -> ZoneView:
    """Get one zone."""
    return await services.places.get(zone_id)


@router.put("/{zone_id}")
async def change_zone(zone_id: str, patch: ZonePatch, services: Serving, _: Writer) -> ZoneView:
    """Change the fields that are named; in force from the next batch on."""
    return await services.places.change(zone_id, patch)


@router.delete("/{zone_id}", status_code=204)
async def deactivate_zone(zone_id: str, services: Serving, _: Remover) -> None:
    """Take a zone out of force; its sessions stay."""
    await services.places.deactivate(zone_id)
