"""`/ws/inspections/{id}` and `/ws/machines/{id}`: events as they happen (contract, chapter 5)."""

from typing import Any, Final

from fastapi import APIRouter, WebSocket

from common.bus import Bus, subject
from common.errors import BadRequest, ServiceError, Unavailable
from common.sockets import admitted, refuse, resume_point
from orchestrator.api.dependencies import Services, services_of
from orchestrator.events import inspection_event, machine_event
from orchestrator.service.ownership import MachineGone
from orchestrator.service.states import InspectionGone
from orchestrator.streaming.feed import Feed
from orchestrator.streaming.viewer import Pictures
from orchestrator.streaming.watching import Picture, Subject, Watch

router = APIRouter()
_PICTURES: Final[dict[str, Pictures]] = {"": "none", "jpeg": "drawn", "plain": "plain"}


@router.websocket("/ws/inspections/{inspection_id}")
async def watch_inspection(websocket: WebSocket, inspection_id: str) -> None:
    """Events of one inspection; closes with 1000 after the final one."""
    services = await services_of(websocket)

    async def state() -> dict[str, Any] | None:
        try:
            record = await services.queue.record(inspection_id)
        except InspectionGone:
            return None
        return inspection_event(
            inspection_id,
            record.status,
            machine_id=record.machine_id,
            attempt=record.attempt_count,
            results=record.results,
            error_message=record.error_message,
            artifacts=[artifact.model_dump() for artifact in record.artifacts],
            queue_position=record.queue_position,
            estimated_wait_time=record.estimated_wait_time,
        )

    subjects = tuple(subject("inspection", kind, inspection_id) for kind in _KINDS)
    watched = Subject(key=inspection_id, subjects=subjects, state=state, ends=True)
    await _serve(websocket, watched, services, missing=InspectionGone())


@router.websocket("/ws/machines/{machine_id}")
async def watch_machine(websocket: WebSocket, machine_id: str) -> None:
    """Events of one machine and of the inspections on it."""
    services = await services_of(websocket)

    async def state() -> dict[str, Any] | None:
        try:
            found = await services.machines.state(machine_id)
        except MachineGone:
            return None
        fields = found.model_dump(mode="json", exclude={"machine_id", "status"})
        return machine_event(machine_id, found.status, **fields)

    subjects = ("gemba.inspection.>", subject("machine", "status", machine_id))
    watched = Subject(key=machine_id, subjects=subjects, state=state, ends=False)
    await _serve(websocket, watched, services, missing=MachineGone())


_KINDS: Final = ("status", "tool", "frame")


async def _serve(
    websocket: WebSocket, watched: Subject, services: Services, *, missing: ServiceError
) -> None:
    bus: Bus = websocket.app.state.bus
    feed: Feed = websocket.app.state.feed
    try:
        await admitted(websocket, "read")
        after = resume_point(websocket)
        pictures = _wanted_pictures(websocket)
        if await watched.state() is None:
            raise missing
        if not bus.is_connected:
            raise Unavailable("The bus does not answer right now.")
    except ServiceError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    picture = _picture(services, feed) if pictures != "none" else None
    watch = Watch(websocket, watched, bus=bus, feed=feed, picture=picture, pictures=pictures)
    await watch.serve(after)


def _wanted_pictures(websocket: WebSocket) -> Pictures:
    overlay = websocket.query_params.get("overlay") or ""
    if overlay not in _PICTURES:
        text = "must be jpeg, or plain for pictures without anything drawn"
        raise BadRequest(f"Invalid value for 'overlay': {text}", fields={"overlay": [text]})
    return _PICTURES[overlay]


def _picture(services: Services, feed: Feed) -> Picture:
    async def picture(inspection_id: str, name: str) -> bytes | None:
        shown = feed.frame(inspection_id, name)
        if shown is not None:
            return shown
        return await services.artifacts.picture(inspection_id, name)

    return picture
