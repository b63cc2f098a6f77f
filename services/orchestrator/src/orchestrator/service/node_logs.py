"""Log lines of vision nodes, which have no bus: passed on to the cluster service (chapter 9)."""

from common.auth import Principal
from common.bus import Bus
from common.db import Database
from common.membership import ship_foreign
from common.schemas.vision import NodeLogs
from orchestrator.service.ownership import owned_machine

_COMPONENT = "vision-node"


class NodeLogService:
    """Nothing is stored here."""

    def __init__(self, *, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def pass_on(self, logs: NodeLogs, principal: Principal) -> None:
        """Pass lines on under the node's own name, whatever component they claim.

        Raises:
            MachineGone: there is no such machine.
            Forbidden: the machine is somebody else's.
        """
        async with self._database.transaction() as session:
            machine = await owned_machine(session, logs.machine_id, principal)
            marks = {"component": _COMPONENT, "machine_id": machine.id, "machine": machine.name}
        lines = [{**line.model_dump(mode="json"), **marks} for line in logs.lines]
        await ship_foreign(self._bus, _COMPONENT, lines, dropped=logs.dropped)
