"""How the paths reach the services of this process, and who may call them (chapter 3)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from cluster.service.alerts import AlertBook
from cluster.service.hosts import HostService
from cluster.service.logs import LogStore
from cluster.service.orders import OrderService
from cluster.service.overview import Overview
from cluster.service.tuning import SettingsService
from cluster.streaming.hub import Hub
from common.auth import Caller, Principal, require
from common.bus import Bus
from common.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the app; put on its state."""

    bus: Bus
    overview: Overview
    hosts: HostService
    alerts: AlertBook
    orders: OrderService
    logs: LogStore
    tuning: SettingsService
    hub: Hub


async def services_of(connection: HTTPConnection) -> Services:
    """The services on the app's state; a dependency."""
    services: Services = connection.app.state.services
    return services


async def _administrator(principal: Caller) -> Principal:
    """Workers and settings are the administrator's alone."""
    if not principal.has("config"):
        raise Forbidden(details={"required": "config"})
    return principal


Serving = Annotated[Services, Depends(services_of)]
Reader = Annotated[Principal, Depends(require("read"))]
Writer = Annotated[Principal, Depends(require("write"))]
Administrator = Annotated[Principal, Depends(_administrator)]
