"""How the paths reach the services of this process, and who may call them (chapter 3)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from common.auth import Principal, require
from orchestrator.service.artifacts import ArtifactService
from orchestrator.service.dispatch import Dispatcher
from orchestrator.service.figures import FigureService
from orchestrator.service.images import ImageService
from orchestrator.service.inspections import InspectionService
from orchestrator.service.machines import MachineService
from orchestrator.service.node_events import NodeEventService
from orchestrator.service.node_logs import NodeLogService
from orchestrator.service.queue import QueueService
from orchestrator.service.recalls import Recalls
from orchestrator.service.results import ResultService
from orchestrator.service.signs import SignsOfLife
from orchestrator.service.tools import ToolService
from orchestrator.settings import Settings
from orchestrator.storage import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the app; put on its state."""

    settings: Settings
    storage: Storage
    machines: MachineService
    inspections: InspectionService
    queue: QueueService
    dispatcher: Dispatcher
    results: ResultService
    signs: SignsOfLife
    node_events: NodeEventService
    node_logs: NodeLogService
    artifacts: ArtifactService
    images: ImageService
    tools: ToolService
    figures: FigureService
    recalls: Recalls


async def services_of(connection: HTTPConnection) -> Services:
    """The services on the app's state; a dependency."""
    services: Services = connection.app.state.services
    return services


Serving = Annotated[Services, Depends(services_of)]
Reader = Annotated[Principal, Depends(require("read"))]
Writer = Annotated[Principal, Depends(require("write"))]
Remover = Annotated[Principal, Depends(require("delete"))]
MachineReader = Annotated[Principal, Depends(require("machines:read"))]
ImageReader = Annotated[Principal, Depends(require("images:read"))]
Reporter = Annotated[Principal, Depends(require("webhooks:write"))]
