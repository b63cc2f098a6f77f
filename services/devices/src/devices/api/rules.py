"""Rules of a device, and the alerts that they have raised."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field, StrictBool

from common.auth import require_service
from common.bus import Bus, subject
from common.db import Session
from common.pages import Page, RequestedPage
from common.pool import Pool
from common.serve import service_router
from devices.api.parts import (
    BusPart,
    DatabasePart,
    Deleter,
    DeviceId,
    Reader,
    StorePart,
    WatcherPart,
    Writer,
)
from devices.rule_service import Rules
from devices.rules import RuleParameters, Severity
from devices.schemas import Moment
from devices.store.ranges import series_of
from devices.store.rules import alerts_of
from devices.watching import alert_event

router: Final[APIRouter] = service_router(tags=["rules"])
internal: Final[APIRouter] = service_router(
    include_in_schema=False, dependencies=[Depends(require_service)]
)
_MOST_OPEN: Final = 1_000
RuleId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class RuleIn(BaseModel):
    """A rule: what must hold, and how bad it is when it does not."""

    parameters: RuleParameters
    severity: Severity = "warning"
    enabled: StrictBool = True


class RuleOut(RuleIn):
    """A rule as it is kept."""

    id: int
    device: int
    created_at: Moment


class AlertOut(BaseModel):
    """What a rule has found."""

    id: str
    severity: Severity
    component: str
    message: str
    timestamp: str
    resolved: bool
    resolved_at: str | None
    source: str
    device_id: int
    rule_id: int | None
    metric: str
    kind: str
    value: float | None = Field(description="What broke the rule.")


async def _tell(bus: Bus, ended: dict[str, Any] | None) -> None:
    if ended is not None:
        key = f"devices-{ended['id']}"
        await bus.publish(subject("alert", "resolved", key), alert_event(ended))


@router.get("/api/devices/{device_id}/rules")
async def list_rules(
    device_id: DeviceId, page: RequestedPage, session: Session, caller: Reader
) -> Page[RuleOut]:
    """The rules of a device."""
    found, count = await Rules(session).page(device_id, limit=page.size, offset=page.offset)
    return page.page([RuleOut(**rule) for rule in found], count=count)


@router.post("/api/devices/{device_id}/rules", status_code=201)
async def create_rule(
    device_id: DeviceId,
    body: RuleIn,
    database: DatabasePart,
    watcher: WatcherPart,
    caller: Writer,
) -> RuleOut:
    """Make a rule; it looks at the newest reading at once."""
    async with database.transaction() as session:
        rule = await Rules(session).create(device_id, body.model_dump(mode="json"))
    watcher.rule_changed(device_id)
    return RuleOut(**rule)


@router.get("/api/devices/{device_id}/rules/{rule_id}")
async def get_rule(
    device_id: DeviceId, rule_id: RuleId, session: Session, caller: Reader
) -> RuleOut:
    """One rule."""
    return RuleOut(**await Rules(session).get(device_id, rule_id))


@router.put("/api/devices/{device_id}/rules/{rule_id}")
async def replace_rule(
    device_id: DeviceId,
    rule_id: RuleId,
    body: RuleIn,
    database: DatabasePart,
    watcher: WatcherPart,
    bus: BusPart,
    caller: Writer,
) -> RuleOut:
    """Change a rule; its open alert ends, and it begins anew."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        rules = Rules(session)
        rule = await rules.change(device_id, rule_id, body.model_dump(mode="json"))
        ended = await rules.end_alert(rule_id, at=now)
    await _tell(bus, ended)
    watcher.rule_changed(device_id)
    return RuleOut(**rule)


@router.delete("/api/devices/{device_id}/rules/{rule_id}", status_code=204)
async def remove_rule(
    device_id: DeviceId, rule_id: RuleId, database: DatabasePart, bus: BusPart, caller: Deleter
) -> Response:
    """Remove a rule; its open alert ends."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        rules = Rules(session)
        await rules.get(device_id, rule_id)
        ended = await rules.end_alert(rule_id, at=now)
        await rules.remove(rule_id)
    await _tell(bus, ended)
    return Response(status_code=204)


@router.get("/api/devices/{device_id}/alerts")
async def list_alerts(
    device_id: DeviceId,
    page: RequestedPage,
    store: StorePart,
    caller: Reader,
    resolved: Annotated[bool | None, Query(description="Only those that have ended.")] = None,
) -> Page[AlertOut]:
    """The alerts of a device, newest first."""
    await _demand_device(store, device_id)
    is_open = None if resolved is None else not resolved
    found, count = await alerts_of(
        store, device_id, is_open=is_open, limit=page.size, offset=page.offset
    )
    return page.page([AlertOut(**alert_event(alert)) for alert in found], count=count)


@internal.get("/internal/alerts")
async def open_alerts(store: StorePart) -> list[AlertOut]:
    """The open alerts of all devices, for the cluster."""
    found, _ = await alerts_of(store, None, is_open=True, limit=_MOST_OPEN, offset=0)
    return [AlertOut(**alert_event(alert)) for alert in found]


async def _demand_device(store: Pool, device_id: int) -> None:
    async with store.connection() as connection:
        await series_of(connection, device_id)
