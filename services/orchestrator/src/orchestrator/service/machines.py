"""Machines: registration, changes, maintenance and removal (contract, chapter 5)."""

from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.errors import AlreadyExists, Conflict
from common.pages import Page, PageRequest
from common.schemas.vision import PerformanceMetrics, SystemInfo
from orchestrator.events import Events
from orchestrator.ids import new_id
from orchestrator.models import Machine
from orchestrator.repository import inspections, machines, statistics
from orchestrator.schemas.machines import MachineDraft, MachinePatch, MachineState, MachineView
from orchestrator.service.ownership import MachineGone
from orchestrator.service.toolboxes import keep_catalogue
from orchestrator.service.views import is_available, machine_view, occupied


class NameTaken(AlreadyExists):
    """A machine of this name is registered already."""

    message = "A machine with this name is registered already."


class MachineService:
    """What users and machines do with machines."""

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events

    async def register(self, draft: MachineDraft, principal: Principal) -> tuple[MachineView, bool]:
        """Register a machine; True when it is new.

        A machine that registers its own name again, as after a restart, is updated.

        Raises:
            NameTaken: somebody else registered this name.
            ValidationFailed: its tool catalogue is broken.
        """
        async with self._database.transaction() as session:
            existing = await machines.get_by_name(session, draft.name)
            is_new = existing is None
            if existing is None:
                machine = await self._add(session, draft, principal)
            elif principal.is_machine and existing.registered_by == principal.subject:
                machine = existing
                await _apply(session, machine, draft)
                await _note_restart(session, machine)
            else:
                raise NameTaken()
            view = await _view_of(session, machine)
        await self._changed(view)
        return view, is_new

    async def _add(
        self, session: AsyncSession, draft: MachineDraft, principal: Principal
    ) -> Machine:
        machine = Machine(id=new_id("mv"), registered_by=principal.subject)
        await _apply(session, machine, draft)
        await _insert(session, machine)
        return machine

    async def get(self, machine_id: str) -> MachineView:
        """One machine.

        Raises:
            MachineGone: there is no such machine.
        """
        async with self._database.transaction() as session:
            found = await machines.get_with_leases(session, machine_id)
        if found is None:
            raise MachineGone()
        return machine_view(*found)

    async def page(
        self, requested: PageRequest, *, status: str | None, name: str | None
    ) -> Page[MachineView]:
        """One page of machines, by name."""
        async with self._database.transaction() as session:
            found, count = await machines.list_with_leases(
                session, status=status, name=name, limit=requested.size, offset=requested.offset
            )
        return requested.page([machine_view(*one) for one in found], count=count)

    async def replace(self, machine_id: str, draft: MachineDraft) -> MachineView:
        """Replace a machine's fields; its catalogue too, when one is given.

        Raises:
            MachineGone: there is no such machine.
            NameTaken: another machine has this name.
        """
        async with self._database.transaction() as session:
            machine = await _locked(session, machine_id)
            await _apply(session, machine, draft)
            view = await _saved(session, machine)
        await self._changed(view)
        return view

    async def change(self, machine_id: str, patch: MachinePatch) -> MachineView:
        """Change some of a machine's fields, or take it out of service and back in.

        Raises:
            MachineGone: there is no such machine.
            NameTaken: another machine has this name.
        """
        changes: dict[str, Any] = patch.model_dump(exclude_unset=True)
        async with self._database.transaction() as session:
            machine = await _locked(session, machine_id)
            status = changes.pop("status", None)
            if status is not None:
                machine.is_in_maintenance = status == "maintenance"
                machine.status = (
                    "maintenance" if status == "maintenance" else machine.reported_status
                )
            for field, value in changes.items():
                setattr(machine, field, value)
            view = await _saved(session, machine)
        await self._changed(view)
        return view

    async def remove(self, machine_id: str) -> None:
        """Remove a machine; what waits for it alone fails, and can be replayed elsewhere.

        Raises:
            MachineGone: there is no such machine.
            Conflict: it works on an inspection.
        """
        error = "The machine that this inspection was meant for has been removed."
        async with self._database.transaction() as session:
            await _locked(session, machine_id)
            found = await machines.get_with_leases(session, machine_id)
            if found is not None and found[1]:
                raise Conflict(
                    "The machine is working on inspections; cancel them or let them finish.",
                    details={"current_inspections": found[1]},
                )
            failed = await inspections.fail_waiting_for(session, machine_id, error=error)
            await machines.remove(session, machine_id)
            await machines.remove_unused_catalogues(session)
        for inspection_id in failed:
            await self._events.inspection(
                inspection_id, "failed", machine_id=None, error_message=error
            )

    async def state(self, machine_id: str) -> MachineState:
        """What a machine does and how it feels; measured by us where it does not say.

        Raises:
            MachineGone: there is no such machine.
        """
        async with self._database.transaction() as session:
            found = await machines.get_with_leases(session, machine_id)
            if found is None:
                raise MachineGone()
            measured = await statistics.performance(session, machine_id=machine_id)
        machine, leases = found
        return MachineState(
            machine_id=machine.id,
            status=machine.status,
            last_heartbeat=machine.last_heartbeat,
            current_inspections=occupied(machine, leases),
            is_available=is_available(machine, leases),
            system_info=SystemInfo.model_validate(machine.system_info),
            performance_metrics=_performance(machine, measured),
            last_push_error=machine.last_push_error,
        )

    async def _changed(self, view: MachineView) -> None:
        await self._events.machine(view.id, view.status, is_available=view.is_available)
        await self._events.wake()


def _performance(machine: Machine, measured: Any) -> PerformanceMetrics:
    ended = measured["completed"] + measured["failed"]
    ours = {
        "inspections_per_hour": float(measured["completed_last_hour"]),
        "average_processing_time": measured["mean_s"],
        "success_rate": 100.0 * measured["completed"] / ended if ended else None,
    }
    theirs = {key: value for key, value in machine.performance_metrics.items() if value is not None}
    return PerformanceMetrics.model_validate({**ours, **theirs})


async def _locked(session: AsyncSession, machine_id: str) -> Machine:
    machine = await machines.get(session, machine_id, lock=True)
    if machine is None:
        raise MachineGone()
    return machine


async def _apply(session: AsyncSession, machine: Machine, draft: MachineDraft) -> None:
    for field, value in draft.model_dump(exclude={"tools"}).items():
        setattr(machine, field, value)
    if draft.tools:
        machine.catalogue_digest = await keep_catalogue(session, draft.tools)
        machine.tool_names = sorted(tool.name for tool in draft.tools)


async def _note_restart(session: AsyncSession, machine: Machine) -> None:
    machine.blocked_until = None
    machine.push_failures = 0
    machine.last_push_error = None
    machine.registered_at = await statistics.database_now(session)


async def _insert(session: AsyncSession, machine: Machine) -> None:
    session.add(machine)
    try:
        await session.flush()
    except IntegrityError as error:
        raise NameTaken() from error


async def _saved(session: AsyncSession, machine: Machine) -> MachineView:
    machine.updated_at = func.now()
    try:
        await session.flush()
    except IntegrityError as error:
        raise NameTaken() from error
    return await _view_of(session, machine)


async def _view_of(session: AsyncSession, machine: Machine) -> MachineView:
    await session.flush()
    await session.refresh(machine)
    found = await machines.get_with_leases(session, machine.id)
    return machine_view(machine, found[1] if found else 0)
