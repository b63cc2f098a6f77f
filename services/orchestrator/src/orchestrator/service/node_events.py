"""What a node tells the viewers of its inspections: passed on, never stored (chapter 5)."""

from collections.abc import Callable, Collection, Sequence

from common.auth import Principal
from common.db import Database
from common.schemas.vision import NodeEvent
from orchestrator.events import Events
from orchestrator.ids import plain_key
from orchestrator.repository import inspections
from orchestrator.schemas.queue import EventsReceipt
from orchestrator.service.ownership import owned_machine


class NodeEventService:
    """Passes events of leased inspections on to the bus."""

    def __init__(
        self, *, database: Database, events: Events, watched: Callable[[], Collection[str]]
    ) -> None:
        self._database = database
        self._events = events
        self._watched = watched

    async def pass_on(self, sent: Sequence[NodeEvent], principal: Principal) -> EventsReceipt:
        """Publish what comes from the machine that holds the lease; the rest is dropped.

        Raises:
            MachineGone: a machine does not exist.
            Forbidden: a machine is somebody else's.
        """
        async with self._database.transaction() as session:
            for machine_id in sorted({event.machine_id for event in sent}):
                await owned_machine(session, machine_id, principal)
            ids = sorted({event.inspection_id for event in sent})
            holders = await inspections.lease_holders(session, ids)
        accepted = 0
        for event in sent:
            if holders.get(event.inspection_id) == event.machine_id:
                accepted += await self._events.from_node(event)
        watched = self._watched()
        return EventsReceipt(
            accepted=accepted,
            dropped=len(sent) - accepted,
            overlay_wanted=[one for one in ids if one in watched],
            plain_wanted=[one for one in ids if plain_key(one) in watched],
        )
