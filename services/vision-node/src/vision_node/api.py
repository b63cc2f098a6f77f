"""What the orchestrator may ask of a node; users never come here."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel

from common.auth import require_service
from common.schemas.vision import Assignment
from common.serve import service_router
from vision_node.runtime.node import Node

router = service_router(prefix="/internal", dependencies=[Depends(require_service)])


class Acceptance(BaseModel):
    """The assignment is this node's now."""

    inspection_id: str
    running: int


class Running(BaseModel):
    """What a node works on."""

    machine_id: str | None
    running: int
    inspections: list[str]
    unsent_results: int


async def node_of(request: Request) -> Node:
    """The running node; a dependency."""
    node: Node = request.app.state.node
    return node


TheNode = Annotated[Node, Depends(node_of)]
InspectionId = Annotated[str, Path(max_length=64)]


@router.post("/inspections", status_code=202)
async def accept(assignment: Assignment, node: TheNode) -> Acceptance:
    """Take an inspection with its lease; 409 when full, 503 when draining."""
    node.inspections.accept(assignment)
    running = node.inspections.running
    return Acceptance(inspection_id=assignment.inspection_id, running=running)


@router.get("/inspections")
async def running(node: TheNode) -> Running:
    """List the inspections under way."""
    work = node.inspections
    return Running(
        machine_id=work.machine_id,
        running=work.running,
        inspections=[lease.inspection_id for lease in work.held_leases()],
        unsent_results=node.delivery.waiting,
    )


@router.post("/restart", status_code=202)
async def restart(node: TheNode) -> Running:
    """Give back or finish what is under way, then end; whatever runs the node starts it again."""
    node.restart.order()
    return await running(node)


@router.delete("/inspections/{inspection_id}", status_code=204)
async def cancel(inspection_id: InspectionId, node: TheNode) -> Response:
    """Stop work on an inspection that was cancelled, without waiting for a heartbeat."""
    node.inspections.cancel(inspection_id)
    return Response(status_code=204)
