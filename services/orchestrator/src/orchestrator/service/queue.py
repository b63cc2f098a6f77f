"""Distribution on request, and the dead letters (contract, chapter 5)."""

import logging

from common.db import Database
from common.errors import BadRequest, Conflict, Unprocessable
from orchestrator.events import Events
from orchestrator.models import Inspection
from orchestrator.repository import inspections, machines
from orchestrator.schemas.inspections import InspectionView, SendRequest
from orchestrator.schemas.queue import DistributeRequest, Distribution, QueueView
from orchestrator.service import waits
from orchestrator.service.dispatch import Dispatcher
from orchestrator.service.inspections import InspectionService, locked, require_machines
from orchestrator.service.states import (
    FINISHED,
    RUNNING,
    IllegalMove,
    InspectionGone,
    enqueue,
    rerank,
)
from orchestrator.settings import Settings

_REPLAYED_AT_ONCE = 1000
_log = logging.getLogger("queue")


class MachineAway(Conflict):
    """The machine that an inspection is sent to takes no work now."""

    message = "The machine is not online."


class QueueService:
    """What users ask of the queue."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        events: Events,
        dispatcher: Dispatcher,
        inspections: InspectionService,
    ) -> None:
        self._settings = settings
        self._database = database
        self._events = events
        self._dispatcher = dispatcher
        self._inspections = inspections

    async def view(self) -> QueueView:
        """The head of the queue, and what every machine does."""
        async with self._database.transaction() as session:
            return await waits.view(session)

    async def distribute(self, request: DistributeRequest) -> Distribution:
        """Give an inspection to a machine now, or leave it in the queue.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: it has ended.
            Unprocessable: a preferred machine does not exist.
        """
        async with self._database.transaction() as session:
            inspection = await locked(session, request.inspection_id)
            if inspection.status in FINISHED:
                raise IllegalMove(inspection, "distributed")
            preferred = request.preferred_machines
            await require_machines(session, target_machine_id=None, preferred=preferred)
            if inspection.status == "pending":
                inspection.strategy = request.strategy
                inspection.preferred_machines = preferred
                self._queued(inspection)
        await self._dispatcher.hand_out(request.inspection_id)
        return await self._distribution(request.inspection_id)

    def _queued(self, inspection: Inspection) -> None:
        if inspection.queued_at is None:
            enqueue(inspection, self._settings)
        else:
            rerank(inspection, self._settings)

    async def _distribution(self, inspection_id: str) -> Distribution:
        async with self._database.transaction() as session:
            inspection = await inspections.get(session, inspection_id)
            if inspection is None:
                raise InspectionGone()
            answer = Distribution(
                inspection_id=inspection_id,
                machine_id=inspection.machine_id,
                status=inspection.status,
                strategy=inspection.strategy,
            )
            if inspection.status == "pending":
                position, wait = await waits.place_of(session, inspection)
                answer.queue_position, answer.estimated_wait_time = position, wait
        if answer.status == "pending":
            await self._events.wake()
        return answer

    async def send(self, inspection_id: str, request: SendRequest) -> InspectionView:
        """Send an inspection to one machine; it waits for this machine when that is full.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: it has ended, or another machine works on it.
            MachineAway: the machine is not online.
            Unprocessable: there is no such machine.
            BadRequest: no machine is named, and the inspection is meant for none.
        """
        async with self._database.transaction() as session:
            inspection = await locked(session, inspection_id)
            target = request.target_machine_id or inspection.target_machine_id
            if target is None:
                text = "Name the machine to send it to."
                raise BadRequest(text, fields={"target_machine_id": [text]})
            await require_machines(session, target_machine_id=target)
            machine = await machines.get(session, target)
            if machine is None or machine.status not in ("online", "busy"):
                status = machine.status if machine else "offline"
                raise MachineAway(f"The machine is {status}.", details={"status": status})
            if inspection.status in FINISHED:
                raise IllegalMove(inspection, "sent")
            if inspection.status in RUNNING and inspection.machine_id != target:
                raise IllegalMove(inspection, "sent to another machine")
            if inspection.status == "pending":
                inspection.target_machine_id = target
                inspection.priority = request.priority or inspection.priority
                self._queued(inspection)
        await self._dispatcher.hand_out(inspection_id)
        await self._events.wake()
        return await self.record(inspection_id)

    async def record(self, inspection_id: str) -> InspectionView:
        """The whole record, with place and wait while it waits.

        Raises:
            InspectionGone: there is no such inspection.
        """
        record = await self._inspections.get(inspection_id)
        if record.status == "pending" and record.queued_at is not None:
            async with self._database.transaction() as session:
                inspection = await inspections.get(session, inspection_id)
                if inspection is not None and inspection.status == "pending":
                    place = await waits.place_of(session, inspection)
                    record.queue_position, record.estimated_wait_time = place
        return record

    async def replay(self, inspection_ids: list[str] | None) -> list[str]:
        """Queue dead letters anew, these or all; those that cannot run stay dead."""
        async with self._database.transaction() as session:
            dead = await inspections.dead_ids(session, inspection_ids, limit=_REPLAYED_AT_ONCE)
        replayed = []
        for inspection_id in dead:
            try:
                await self._inspections.retry(inspection_id)
            except (Unprocessable, IllegalMove, InspectionGone) as error:
                _log.info("not replayed: %s", error, extra={"inspection_id": inspection_id})
            else:
                replayed.append(inspection_id)
        return replayed
