"""Signs of life: heartbeats, status updates, and the silence of a machine (contract, chapter 5)."""

from collections.abc import Callable, Sequence

from sqlalchemy import RowMapping, func
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.schemas.mesh import Tuning
from common.schemas.vision import Heartbeat, HeartbeatReceipt, RenewedLease, StatusUpdate
from orchestrator import metrics
from orchestrator.events import Events
from orchestrator.models import Machine
from orchestrator.repository import machines, queue
from orchestrator.service.ownership import owned_machine
from orchestrator.settings import Settings

_SWEPT_AT_ONCE = 200
_WENT_OFFLINE = "the machine went offline."


class SignsOfLife:
    """Hears machines, and notices when they fall silent."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        events: Events,
        tuning: Callable[[], Tuning],
    ) -> None:
        self._settings = settings
        self._tuning = tuning
        self._database = database
        self._events = events

    async def heartbeat(self, beat: Heartbeat, principal: Principal) -> HeartbeatReceipt:
        """Note that a machine lives, renew its leases, and say which work it must stop.

        Raises:
            MachineGone: there is no such machine.
            Forbidden: the machine is somebody else's.
        """
        async with self._database.transaction() as session:
            machine = await owned_machine(session, beat.machine_id, principal)
            is_new = _hear(machine, beat.status, current=beat.current_inspections)
            machine.last_heartbeat = func.now()
            machine.system_info = beat.system_info.model_dump()
            machine.performance_metrics = beat.performance_metrics.model_dump()
            await session.flush()
            await session.refresh(machine)
            receipt = await self._renewed(session, beat)
            taken = await self._take_if_offline(session, machine)
        await self._tell(machine, taken, is_new=is_new)
        return receipt

    async def _renewed(self, session: AsyncSession, beat: Heartbeat) -> HeartbeatReceipt:
        receipt = HeartbeatReceipt(log_level=self._tuning().log_level)
        if not beat.leases:
            return receipt
        held = [(lease.inspection_id, lease.token) for lease in beat.leases]
        rows = await queue.renew(session, beat.machine_id, held, lease_s=self._settings.lease_s)
        for row in rows:
            if row["lease_expires_at"] is not None:
                receipt.renewed.append(
                    RenewedLease(
                        inspection_id=row["id"],
                        token=row["token"],
                        expires_at=row["lease_expires_at"],
                    )
                )
            elif row["is_cancelled"]:
                receipt.cancelled.append(row["id"])
            else:
                receipt.lost.append(row["id"])
        return receipt

    async def status(self, update: StatusUpdate, principal: Principal) -> None:
        """Take over what a machine says of itself; one that goes offline gives its work back.

        Raises:
            MachineGone: there is no such machine.
            Forbidden: the machine is somebody else's.
        """
        async with self._database.transaction() as session:
            machine = await owned_machine(session, update.machine_id, principal)
            is_new = _hear(machine, update.status, current=update.current_inspections)
            await session.flush()
            await session.refresh(machine)
            taken = await self._take_if_offline(session, machine)
        await self._tell(machine, taken, is_new=is_new)

    async def _take_if_offline(
        self, session: AsyncSession, machine: Machine
    ) -> Sequence[RowMapping]:
        """A machine that says goodbye loses its leases at once, and no attempt by it."""
        if machine.reported_status != "offline":
            return []
        return await queue.take_from_machines(
            session, [machine.id], outcome="given_back", error=_WENT_OFFLINE, is_blameless=True
        )

    async def sweep(self) -> int:
        """Take back what silent machines hold and what has expired; how many leases were lost."""
        async with self._database.transaction() as session:
            silent = await machines.silence(session, after_s=self._settings.silence_s)
            taken = list(
                await queue.take_from_machines(
                    session,
                    silent,
                    outcome="machine_offline",
                    error=_WENT_OFFLINE,
                    is_blameless=False,
                )
                if silent
                else []
            )
            expired = await queue.take_expired(session, batch=_SWEPT_AT_ONCE)
        metrics.LEASES_LOST.labels("machine_offline").inc(len(taken))
        metrics.LEASES_LOST.labels("lease_expired").inc(len(expired))
        for machine_id in silent:
            await self._events.machine(machine_id, "offline", is_available=False)
        await self._requeued([*taken, *expired])
        return len(taken) + len(expired)

    async def _tell(self, machine: Machine, taken: Sequence[RowMapping], *, is_new: bool) -> None:
        await self._events.machine(
            machine.id,
            machine.status,
            current_inspections=machine.reported_inspections,
            system_info=machine.system_info,
            performance_metrics=machine.performance_metrics,
        )
        await self._requeued(taken)
        if is_new:
            await self._events.wake()

    async def _requeued(self, taken: Sequence[RowMapping]) -> None:
        for row in taken:
            machine_id = None if row["status"] == "pending" else row["machine_id"]
            await self._events.inspection(
                row["id"], row["status"], machine_id=machine_id, attempt=row["attempt_count"]
            )
        if taken:
            await self._events.wake()


def _hear(machine: Machine, status: str, *, current: int | None) -> bool:
    """Note what a machine says of itself; True when it may take work that it could not before."""
    before = (machine.status, machine.reported_inspections)
    machine.reported_status = status
    machine.status = "maintenance" if machine.is_in_maintenance else status
    machine.last_seen_at = func.now()
    if current is not None:
        machine.reported_inspections = current
    return before != (machine.status, machine.reported_inspections)
