"""All SQL of the registry."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from devices.models import Device, Presence

Filterable = TypeVar("Filterable", bound="Select[*tuple[Any, ...]]")


class Listed(NamedTuple):
    """A device and when it was heard."""

    device: Device
    last_seen_at: datetime | None
    recent: list[datetime] | None


_LISTED = select(Device, Presence.last_seen_at, Presence.recent).outerjoin(Presence)


class DeviceRepository:
    """Devices of the registry."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, *, status: str | None, search: str | None) -> int:
        """How many devices fit."""
        query = _filtered(select(func.count()).select_from(Device), status=status, search=search)
        return int(await self._session.scalar(query) or 0)

    async def page(
        self, *, status: str | None, search: str | None, limit: int, offset: int
    ) -> Sequence[Listed]:
        """Devices that fit, by id."""
        query = _filtered(_LISTED, status=status, search=search)
        rows = await self._session.execute(query.order_by(Device.id).limit(limit).offset(offset))
        return [Listed(*row) for row in rows]

    async def find(self, device_id: int) -> Listed | None:
        """One device."""
        row = (await self._session.execute(_LISTED.where(Device.id == device_id))).first()
        return Listed(*row) if row else None

    async def lock(self, device_id: int) -> Device | None:
        """One device, for whoever is about to change it."""
        return await self._session.scalar(
            select(Device).where(Device.id == device_id).with_for_update()
        )

    async def add(self, device: Device) -> Device:
        """Keep a new device; gives it its id and times."""
        self._session.add(device)
        await self._session.flush()
        await self._session.refresh(device)
        return device

    async def change(self, device_id: int, fields: dict[str, Any]) -> None:
        """Set these columns and the time of the change."""
        await self._session.execute(
            update(Device)
            .where(Device.id == device_id)
            .values(**fields, updated_at=datetime.now(UTC))
        )
        self._session.expire_all()

    async def remove(self, device: Device) -> None:
        """Forget a device and all that hangs on it; its readings go in the background."""
        await self._session.delete(device)
        await self._session.flush()

    async def set_token(self, device: Device, hashed: bytes | None) -> None:
        """The only token that holds from now on; None for none."""
        device.token_hash = hashed
        await self._session.flush()

    async def owner_of(self, hashed: bytes) -> Device | None:
        """The device with this token."""
        return await self._session.scalar(select(Device).where(Device.token_hash == hashed))


def _filtered(query: Filterable, *, status: str | None, search: str | None) -> Filterable:
    if status is not None:
        query = query.where(Device.status == status)
    for word in (search or "").split():
        pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(or_(Device.name.ilike(pattern), Device.description.ilike(pattern)))
    return query
