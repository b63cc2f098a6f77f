"""Rules as they are kept: made, changed and removed within one transaction."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from common.errors import Conflict, NotFound
from devices.models import Alert, Device, Rule

_MOST_RULES: Final = 100


class Rules:
    """The rules of devices."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, device_id: int, *, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Some rules of a device, and how many it has.

        Raises:
            NotFound: there is no such device.
        """
        await self._demand_device(device_id)
        query = select(Rule).where(Rule.device_id == device_id).order_by(Rule.id)
        found = await self._session.scalars(query.limit(limit).offset(offset))
        return [_shown(rule) for rule in found], await self._count(device_id)

    async def get(self, device_id: int, rule_id: int) -> dict[str, Any]:
        """One rule.

        Raises:
            NotFound: the device has no such rule.
        """
        return _shown(await self._find(device_id, rule_id))

    async def create(self, device_id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Make a rule.

        Raises:
            NotFound: there is no such device.
            Conflict: it has as many rules as it may have.
        """
        await self._demand_device(device_id)
        if await self._count(device_id) >= _MOST_RULES:
            raise Conflict(f"A device has at most {_MOST_RULES} rules.")
        rule = Rule(device_id=device_id, **_columns(body))
        self._session.add(rule)
        await self._session.flush()
        await self._session.refresh(rule)
        return _shown(rule)

    async def change(self, device_id: int, rule_id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Replace a rule and forget what it has seen.

        Raises:
            NotFound: the device has no such rule.
        """
        rule = await self._find(device_id, rule_id)
        await self._session.execute(
            update(Rule)
            .where(Rule.id == rule_id)
            .values(**_columns(body), state={}, evaluated_to=None)
        )
        await self._session.refresh(rule)
        return _shown(rule)

    async def remove(self, rule_id: int) -> None:
        """Remove a rule; its alerts stay as history."""
        await self._session.execute(delete(Rule).where(Rule.id == rule_id))

    async def end_alert(self, rule_id: int, *, at: datetime) -> dict[str, Any] | None:
        """End the rule's open alert; the alert's columns, or None."""
        row = await self._session.execute(
            update(Alert)
            .where(Alert.rule_id == rule_id, Alert.ended_at.is_(None))
            .values(ended_at=func.greatest(at, Alert.began_at))
            .returning(*Alert.__table__.columns)
        )
        found = row.mappings().first()
        return dict(found) if found else None

    async def _find(self, device_id: int, rule_id: int) -> Rule:
        query = select(Rule).where(Rule.id == rule_id, Rule.device_id == device_id)
        rule = await self._session.scalar(query.with_for_update())
        if rule is None:
            raise NotFound()
        return rule

    async def _count(self, device_id: int) -> int:
        query = select(func.count()).select_from(Rule).where(Rule.device_id == device_id)
        return int(await self._session.scalar(query) or 0)

    async def _demand_device(self, device_id: int) -> None:
        if await self._session.get(Device, device_id) is None:
            raise NotFound()


def _columns(body: dict[str, Any]) -> dict[str, Any]:
    parameters = body["parameters"]
    return {
        "kind": parameters["kind"],
        "metric": parameters.get("metric", ""),
        "severity": body["severity"],
        "enabled": body["enabled"],
        "parameters": parameters,
    }


def _shown(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "device": rule.device_id,
        "parameters": rule.parameters,
        "severity": rule.severity,
        "enabled": rule.enabled,
        "created_at": rule.created_at,
    }
