"""The registry's rules: devices and their tokens."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import InvalidToken, NotFound, ValidationFailed
from common.pages import Page, PageRequest
from devices.cadence import connectivity
from devices.models import Device
from devices.repository import DeviceRepository, Listed
from devices.schemas import STATUSES, DeviceIn, DeviceOut, DevicePatch, TokenOwner
from devices.tokens import new_token, token_hash


class Registry:
    """What a caller may do with devices, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._devices = DeviceRepository(session)

    async def page(
        self, page: PageRequest, *, status: str | None, search: str | None
    ) -> Page[DeviceOut]:
        """One page of the devices that fit.

        Raises:
            NotFound: the page lies past the end.
            ValidationFailed: there is no such status.
        """
        if status is not None and status not in STATUSES:
            text = f"Status must be one of: {', '.join(STATUSES)}"
            raise ValidationFailed(fields={"status": [text]}, in_body=False)
        count = await self._devices.count(status=status, search=search)
        found = await self._devices.page(
            status=status, search=search, limit=page.size, offset=min(page.offset, count)
        )
        return page.page([shown(listed) for listed in found], count=count)

    async def get(self, device_id: int) -> DeviceOut:
        """One device.

        Raises:
            NotFound: there is none with this id.
        """
        return shown(await self._listed(device_id))

    async def create(self, wanted: DeviceIn) -> DeviceOut:
        """Register a device."""
        device = Device(
            public_id=uuid4(),
            name=wanted.name,
            status=wanted.status,
            description=wanted.description,
        )
        return shown(Listed(await self._devices.add(device), None, None))

    async def change(self, device_id: int, wanted: DeviceIn | DevicePatch) -> DeviceOut:
        """Change the fields that were sent; the others stay as they are, as in Django.

        Raises:
            NotFound: there is none with this id.
        """
        await self._listed(device_id)
        await self._devices.change(device_id, wanted.model_dump(exclude_unset=True))
        return shown(await self._listed(device_id))

    async def remove(self, device_id: int) -> str:
        """Remove a device; gives its public id, whose connections must end.

        Raises:
            NotFound: there is none with this id.
        """
        device = await self._locked(device_id)
        await self._devices.remove(device)
        return str(device.public_id)

    async def rotate_token(self, device_id: int) -> tuple[str, str]:
        """Give the device a new token and end the old one; the token and the public id.

        Raises:
            NotFound: there is no device with this id.
        """
        device = await self._locked(device_id)
        token = new_token()
        await self._devices.set_token(device, token_hash(token))
        return token, str(device.public_id)

    async def revoke_token(self, device_id: int) -> str:
        """End the device's token; gives the public id.

        Raises:
            NotFound: there is no device with this id.
        """
        device = await self._locked(device_id)
        await self._devices.set_token(device, None)
        return str(device.public_id)

    async def verify(self, token: str) -> TokenOwner:
        """Whose token this is.

        Raises:
            InvalidToken: nobody's.
        """
        device = await self._devices.owner_of(token_hash(token))
        if device is None:
            raise InvalidToken()
        return TokenOwner(device_id=device.id, public_id=str(device.public_id))

    async def _listed(self, device_id: int) -> Listed:
        listed = await self._devices.find(device_id)
        if listed is None:
            raise NotFound()
        return listed

    async def _locked(self, device_id: int) -> Device:
        device = await self._devices.lock(device_id)
        if device is None:
            raise NotFound()
        return device


def shown(listed: Listed) -> DeviceOut:
    """A device as its readers see it."""
    device = listed.device
    return DeviceOut(
        id=device.id,
        public_id=device.public_id,
        name=device.name,
        status=device.status,
        description=device.description,
        created_at=device.created_at,
        updated_at=device.updated_at,
        connectivity=connectivity(listed.last_seen_at, listed.recent or [], now=datetime.now(UTC)),
        last_seen_at=listed.last_seen_at,
    )
