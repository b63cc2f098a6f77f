"""What the endpoints are given: services, callers and pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from fastapi.requests import HTTPConnection

from common.auth import Principal, require
from tracking.service.answering import AnswerService
from tracking.service.attention import AttentionService
from tracking.service.intake import IntakeService
from tracking.service.lenses import LensService
from tracking.service.people import PeopleService
from tracking.service.places import PlaceService
from tracking.service.reckoning import ReckoningService
from tracking.service.reporting import ReportingService
from tracking.service.rulebook import RulebookService
from tracking.service.running import RunningService
from tracking.service.stays import StayService
from tracking.service.ticking import Ticker
from tracking.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the app; put on its state."""

    settings: Settings
    people: PeopleService
    places: PlaceService
    lenses: LensService
    rulebook: RulebookService
    intake: IntakeService
    stays: StayService
    reckoning: ReckoningService
    attention: AttentionService
    reporting: ReportingService
    running: RunningService
    answers: AnswerService
    ticker: Ticker


async def services_of(connection: HTTPConnection) -> Services:
    """The services on the app's state; a dependency."""
    services: Services = connection.app.state.services
    return services


Serving = Annotated[Services, Depends(services_of)]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Text = Annotated[str | None, Query(max_length=64)]
Writer = Annotated[Principal, Depends(require("write"))]
Remover = Annotated[Principal, Depends(require("delete"))]
Configurer = Annotated[Principal, Depends(require("config"))]
Reader = Annotated[Principal, Depends(require("read"))]
WorkerReader = Annotated[Principal, Depends(require("workers:read"))]
ZoneReader = Annotated[Principal, Depends(require("zones:read"))]
CameraReader = Annotated[Principal, Depends(require("cameras:read"))]
