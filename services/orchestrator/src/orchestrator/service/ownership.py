"""Only who registered a machine speaks for it; an admin speaks for all (contract, chapter 5)."""

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.errors import Forbidden, NotFound
from orchestrator.models import Machine
from orchestrator.repository import machines


class MachineGone(NotFound):
    """There is no such machine."""

    message = "There is no such machine."
    message_pt = "Máquina não encontrada."


async def owned_machine(session: AsyncSession, machine_id: str, principal: Principal) -> Machine:
    """The machine that the caller speaks for, locked until the commit.

    Raises:
        MachineGone: there is no such machine.
        Forbidden: somebody else registered it.
    """
    machine = await machines.get(session, machine_id, lock=True)
    if machine is None:
        raise MachineGone()
    if machine.registered_by != principal.subject and "*" not in principal.permissions:
        raise Forbidden("This machine was registered by somebody else.")
    return machine
