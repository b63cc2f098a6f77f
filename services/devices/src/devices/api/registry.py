"""Devices and their tokens: list, detail, create, change, remove, rotate, revoke.

What changes something tells the bus only after its commit.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from common.auth import require_service
from common.bus import Bus, subject
from common.pages import Page, RequestedPage
from common.serve import service_router
from devices.api.parts import (
    BusPart,
    DatabasePart,
    Deleter,
    DeviceId,
    DirectoryPart,
    Reader,
    RegistryPart,
    Writer,
)
from devices.schemas import DeviceIn, DeviceOut, DevicePatch, TokenIn, TokenOut, TokenOwner
from devices.service import Registry

router: Final[APIRouter] = service_router(tags=["devices"])
internal: Final[APIRouter] = service_router(
    include_in_schema=False, dependencies=[Depends(require_service)]
)


async def announce(bus: Bus, kind: str, device: DeviceOut) -> None:
    """Tell the bus that the registry has changed."""
    key = str(device.public_id)
    await bus.publish(subject("device", kind, key), device)


async def end_connections(bus: Bus, public_id: str, *, is_removed: bool = False) -> None:
    """Tell the MQTT door that this device's token, or the device, is no more."""
    kind = "removed" if is_removed else "token_revoked"
    await bus.publish(subject("device", kind, public_id), {"public_id": public_id})


@router.get("/api/devices")
async def list_devices(
    page: RequestedPage,
    registry: RegistryPart,
    caller: Reader,
    status: Annotated[str | None, Query(description="Only devices of this status.")] = None,
    search: Annotated[str | None, Query(max_length=200, description="Words in the name.")] = None,
) -> Page[DeviceOut]:
    """List the devices by id."""
    return await registry.page(page, status=status, search=search)


@router.post("/api/devices", status_code=201)
async def create_device(
    body: DeviceIn, database: DatabasePart, caller: Writer, bus: BusPart
) -> DeviceOut:
    """Register a device."""
    async with database.transaction() as session:
        device = await Registry(session).create(body)
    await announce(bus, "created", device)
    return device


@router.get("/api/devices/{device_id}")
async def get_device(device_id: DeviceId, registry: RegistryPart, caller: Reader) -> DeviceOut:
    """One device."""
    return await registry.get(device_id)


@router.put("/api/devices/{device_id}")
async def replace_device(
    device_id: DeviceId, body: DeviceIn, database: DatabasePart, caller: Writer, bus: BusPart
) -> DeviceOut:
    """Change a device; read-only fields are ignored."""
    async with database.transaction() as session:
        device = await Registry(session).change(device_id, body)
    await announce(bus, "updated", device)
    return device


@router.patch("/api/devices/{device_id}")
async def change_device(
    device_id: DeviceId, body: DevicePatch, database: DatabasePart, caller: Writer, bus: BusPart
) -> DeviceOut:
    """Change some fields of a device."""
    async with database.transaction() as session:
        device = await Registry(session).change(device_id, body)
    await announce(bus, "updated", device)
    return device


@router.delete("/api/devices/{device_id}", status_code=204)
async def remove_device(
    device_id: DeviceId,
    database: DatabasePart,
    caller: Deleter,
    bus: BusPart,
    directory: DirectoryPart,
) -> Response:
    """Remove a device with its token and readings."""
    async with database.transaction() as session:
        public_id = await Registry(session).remove(device_id)
    directory.forget_device(device_id)
    await end_connections(bus, public_id, is_removed=True)
    return Response(status_code=204)


@router.post("/api/devices/{device_id}/token", status_code=201)
async def rotate_token(
    device_id: DeviceId, database: DatabasePart, caller: Writer, bus: BusPart
) -> TokenOut:
    """Give the device a new token, shown this once; the one before ends at once."""
    async with database.transaction() as session:
        token, public_id = await Registry(session).rotate_token(device_id)
    await end_connections(bus, public_id)
    return TokenOut(token=token)


@router.delete("/api/devices/{device_id}/token", status_code=204)
async def revoke_token(
    device_id: DeviceId, database: DatabasePart, caller: Writer, bus: BusPart
) -> Response:
    """End the device's token at once."""
    async with database.transaction() as session:
        public_id = await Registry(session).revoke_token(device_id)
    await end_connections(bus, public_id)
    return Response(status_code=204)


@internal.post("/internal/verify-token")
async def verify_token(body: TokenIn, registry: RegistryPart) -> TokenOwner:
    """Whose token this is, for the MQTT door."""
    return await registry.verify(body.token)
