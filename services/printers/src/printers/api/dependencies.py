"""What the endpoints are given: services, callers, keys, and the eyes that an answer is for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Header
from fastapi.requests import HTTPConnection

from common.auth import Principal, bearer_of, current_principal, require
from common.errors import ServiceError
from common.families import prefers_english
from printers.service.commanding import CommandService
from printers.service.fleet import FleetService
from printers.service.statuses import StatusService
from printers.service.views import Lens
from printers.service.works import WorkService
from printers.settings import Settings

# The gateway counts a request against the printer whose key a service has found right.
VERIFIED = "X-Gemba-Verified"


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the app; put on its state."""

    settings: Settings
    statuses: StatusService
    fleet: FleetService
    works: WorkService
    commands: CommandService


async def services_of(connection: HTTPConnection) -> Services:
    """The services on the app's state; a dependency."""
    services: Services = connection.app.state.services
    return services


def lens_for(settings: Settings, accept_language: str) -> Lens:
    """Whose language the answer is in, in the factory's zone, now."""
    return Lens(
        zone=ZoneInfo(settings.timezone),
        now=datetime.now(UTC),
        is_english=prefers_english(accept_language),
    )


async def lens_of(connection: HTTPConnection) -> Lens:
    """The caller's lens; a dependency."""
    services = await services_of(connection)
    return lens_for(services.settings, connection.headers.get("accept-language", ""))


async def visitor(connection: HTTPConnection) -> Principal | None:
    """The caller when there is one; a bad token is as good as none where none is needed."""
    if bearer_of(connection) is None:
        return None
    try:
        return await current_principal(connection)
    except ServiceError:
        return None


Serving = Annotated[Services, Depends(services_of)]
Seeing = Annotated[Lens, Depends(lens_of)]
Visitor = Annotated[Principal | None, Depends(visitor)]
Reader = Annotated[Principal, Depends(require("read"))]
Writer = Annotated[Principal, Depends(require("write"))]
HeaderKey = Annotated[str | None, Header(alias="X-API-Key", description="The printer's key.")]
