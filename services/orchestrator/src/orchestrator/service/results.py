"""Results as machines report them: counted once, under the current lease (contract, chapter 5)."""

import math
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.errors import Conflict
from common.schemas.vision import ResultReceipt, ResultReport
from orchestrator import metrics
from orchestrator.events import Events
from orchestrator.models import Artifact, Inspection, Machine
from orchestrator.repository import attempts, inspections, machines
from orchestrator.repository.clock import from_now
from orchestrator.service.ownership import owned_machine
from orchestrator.service.states import InspectionGone, finish, release
from orchestrator.service.views import artifact_view
from orchestrator.settings import Settings
from orchestrator.verdicts import Holding, Verdict, judge

# A node that gives work back has a reason that does not pass at once.
_GIVEN_BACK_PAUSE_S = 1.0


class NeverHeld(Conflict):
    """The result comes from a machine that never held this inspection."""

    message = "This machine never held the lease of this inspection."


class ResultService:
    """Takes results in."""

    def __init__(self, settings: Settings, *, database: Database, events: Events) -> None:
        self._settings = settings
        self._database = database
        self._events = events

    async def take(self, report: ResultReport, principal: Principal) -> ResultReceipt:
        """Let a report count, or keep it as evidence when its lease is lost.

        Raises:
            MachineGone: there is no such machine.
            InspectionGone: there is no such inspection.
            Forbidden: the machine is somebody else's.
            NeverHeld: the machine never held this inspection.
        """
        async with self._database.transaction() as session:
            machine = await owned_machine(session, report.machine_id, principal)
            inspection = await inspections.get(session, report.inspection_id, lock=True)
            if inspection is None:
                raise InspectionGone()
            verdict = judge(
                report,
                _holding(inspection),
                has_held=await attempts.was_held_by(session, inspection.id, machine.id),
            )
            if verdict is Verdict.STRANGER:
                raise NeverHeld()
            await self._apply(session, inspection, machine, report=report, verdict=verdict)
            await session.flush()
            await session.refresh(inspection)
            found = await attempts.artifacts(
                session, inspection.id, attempt=inspection.attempt_count
            )
        if verdict.is_accepted:
            await self._announce(inspection, found)
        return ResultReceipt(accepted=verdict.is_accepted, status=inspection.status)

    async def _apply(
        self,
        session: AsyncSession,
        inspection: Inspection,
        machine: Machine,
        *,
        report: ResultReport,
        verdict: Verdict,
    ) -> None:
        if verdict is Verdict.PROGRESS:
            self._progress(inspection, report)
            return
        if verdict in (Verdict.LATE, Verdict.RELEASED):
            metrics.LATE.inc()
            evidence = report.model_dump(mode="json", exclude={"lease_token"})
            await attempts.keep_late_report(session, inspection.id, machine.id, report=evidence)
        if verdict is not Verdict.LATE:
            await _end(session, inspection, machine, report=report, verdict=verdict)

    def _progress(self, inspection: Inspection, report: ResultReport) -> None:
        if inspection.status == "assigned":
            inspection.status = "processing"
            inspection.started_at = func.now()
        if report.results is not None:
            inspection.results = report.results
        inspection.lease_expires_at = from_now(self._settings.lease_s)
        inspection.updated_at = func.now()

    async def _announce(self, inspection: Inspection, found: Any) -> None:
        artifacts = [_artifact(one, self._settings.external_url) for one in found]
        await self._events.inspection(
            inspection.id,
            inspection.status,
            machine_id=inspection.machine_id,
            attempt=inspection.attempt_count,
            results=inspection.results,
            error_message=inspection.error_message,
            artifacts=artifacts,
        )
        if inspection.status not in ("assigned", "processing"):
            await self._events.wake()


def _artifact(artifact: Artifact, base_url: str) -> dict[str, Any]:
    return artifact_view(artifact, base_url=base_url).model_dump()


def _holding(inspection: Inspection) -> Holding:
    return Holding(
        status=inspection.status,
        machine_id=inspection.machine_id,
        lease_token=inspection.lease_token,
        attempt=inspection.attempt_count,
    )


async def _end(
    session: AsyncSession,
    inspection: Inspection,
    machine: Machine,
    *,
    report: ResultReport,
    verdict: Verdict,
) -> None:
    """The lease ends: write down the attempt, and free the machine's slot."""
    taken_s = _processing_s(report, inspection)
    outcome = _OUTCOMES[verdict]
    await attempts.end(
        session,
        inspection.id,
        inspection.attempt_count,
        outcome=outcome,
        error=report.error_message,
        processing_time_s=taken_s if verdict is Verdict.COMPLETE else None,
    )
    metrics.ATTEMPTS.labels(outcome).inc()
    # The machine has one less now, whatever it last reported; waiting for its next heartbeat
    # would leave the slot empty until then.
    machine.reported_inspections = max(0, machine.reported_inspections - 1)
    if machine.push_failures == 0:
        machine.blocked_until = None
    if verdict is Verdict.COMPLETE:
        await _complete(session, inspection, report, taken_s=taken_s)
    elif verdict is Verdict.FAIL:
        inspection.results = report.results
        inspection.started_at = inspection.started_at or inspection.assigned_at
        finish(inspection, "failed", error=report.error_message or "The machine gave no reason.")
    elif verdict is Verdict.GIVEN_BACK:
        _give_back(inspection)
    elif verdict is Verdict.CANCELLED:
        inspection.results = report.results or inspection.results
        _cancel(inspection)
    else:
        release(inspection)


_OUTCOMES = {
    Verdict.COMPLETE: "completed",
    Verdict.FAIL: "failed",
    Verdict.GIVEN_BACK: "given_back",
    Verdict.CANCELLED: "cancelled",
    Verdict.RELEASED: "cancelled",
}


async def _complete(
    session: AsyncSession, inspection: Inspection, report: ResultReport, *, taken_s: float
) -> None:
    inspection.results = report.results or {}
    inspection.started_at = inspection.started_at or inspection.assigned_at
    if not inspection.is_continuous:
        metrics.PROCESSING.labels(inspection.inspection_type).observe(taken_s)
        await machines.record_cost(
            session,
            report.machine_id,
            inspection.inspection_type,
            seconds=_occupied_s(inspection),
        )
    finish(inspection, "completed")


def _give_back(inspection: Inspection) -> None:
    release(inspection)
    inspection.status = "pending"
    inspection.machine_id = None
    inspection.assigned_at = None
    inspection.started_at = None
    inspection.not_before = from_now(_GIVEN_BACK_PAUSE_S)
    inspection.attempts_allowed += 1


def _cancel(inspection: Inspection) -> None:
    if inspection.status == "cancelled":
        release(inspection)
    else:
        finish(inspection, "cancelled")


def _processing_s(report: ResultReport, inspection: Inspection) -> float:
    """What the machine measured, else how long it had the inspection."""
    measured = (report.results or {}).get("processing_time")
    if isinstance(measured, int | float) and not isinstance(measured, bool):
        seconds = float(measured)
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return _occupied_s(inspection)


def _occupied_s(inspection: Inspection) -> float:
    """How long the inspection has held its slot."""
    if inspection.assigned_at is None:
        return 0.0
    return max(0.0, (datetime.now(UTC) - inspection.assigned_at).total_seconds())
