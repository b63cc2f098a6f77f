"""Stores what a job goes through: the job, a point of its history, its first estimate, its end."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from printers import metrics
from printers.advancing import Change, advance, widened
from printers.estimating import estimate
from printers.models import Alert, Job
from printers.repository import alerts, commands, jobs, points
from printers.repository.at_once import Mark
from printers.runaway import Drift, follow, gap_of, is_runaway
from printers.service.views import known_of
from printers.settings import Settings
from printers.states import FINAL

_SHOWN_BY: Final = {
    "paused": ("pause",),
    "printing": ("resume",),
    "canceled": ("cancel",),
    "failed": ("cancel",),
}


@dataclass(slots=True)
class Recorded:
    """What storing an update led to; told to viewers after the commit."""

    ignored: list[str]
    has_new_status: bool
    alerts: list[Alert] = field(default_factory=list)
    commands: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Noted:
    """An update that asks for nothing but to be stored: what it left out, its point, its drift."""

    ignored: list[str]
    mark: Mark | None
    drift: Drift | None


class Recorder:
    """Stores updates of jobs that the caller has locked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._drifts: dict[int, Drift] = {}

    async def record(
        self, session: AsyncSession, job: Job, change: Change, *, usual_s: float | None
    ) -> Recorded:
        """Apply an update to an active job, and keep its readings in the job's history."""
        before = job.status
        ignored = advance(job, change)
        readings = _measured(change)
        if readings:
            await self._keep_point(session, job, change.at, readings=readings)
        _note_first_estimate(job, usual_s, change.at)
        recorded = Recorded(ignored, has_new_status=job.status != before)
        await session.flush()
        if recorded.has_new_status:
            await _settle_commands(session, job, recorded)
        if job.status in FINAL:
            self._drifts.pop(job.id, None)
            await _ended(session, job, recorded)
        elif change.readings:
            await self._watch_heaters(session, job, change.at, recorded)
        return recorded

    def note(self, job: Job, change: Change, *, usual_s: float | None) -> Noted | None:
        """Apply an update to a job that nobody has locked; nothing is stored.

        None when it asks for more: the job moves on, an alert may be due, its history is full.
        The job has been changed all the same, and is to be read anew.
        """
        before = job.status
        if job.point_count >= self._settings.printer_points:
            return None
        ignored = advance(job, change)
        _note_first_estimate(job, usual_s, change.at)
        drift = self._drifts.get(job.id)
        if change.readings:
            was_off = drift is not None
            drift, _ = self._drift(job, change.at)
            if was_off and drift is None:
                return None
        if job.status != before or self._is_runaway(drift, change.at):
            return None
        readings = _measured(change)
        bucket = _bucket(job, change.at)
        return Noted(ignored, Mark(bucket, change.at, readings) if readings else None, drift)

    def remember(self, job: Job, noted: Noted) -> None:
        """Take over what was noted of a job, once it is stored."""
        if noted.drift is not None:
            self._drifts[job.id] = noted.drift

    def _drift(self, job: Job, at: datetime) -> tuple[Drift | None, float | None]:
        gap_c = gap_of(job.metrics) if job.status == "printing" else None
        far_c = self._settings.printer_runaway_c
        return follow(self._drifts.get(job.id), gap_c, at, far_c=far_c), gap_c

    def _is_runaway(self, drift: Drift | None, at: datetime) -> bool:
        return is_runaway(drift, at, after_s=self._settings.printer_runaway_s)

    async def _watch_heaters(
        self, session: AsyncSession, job: Job, at: datetime, recorded: Recorded
    ) -> None:
        drift, gap_c = self._drift(job, at)
        if drift is None:
            if self._drifts.pop(job.id, None) is not None:
                recorded.alerts += await alerts.resolve(session, f"runaway:{job.id}")
            return
        self._drifts[job.id] = drift
        if self._is_runaway(drift, at):
            alert, is_new = await alerts.raise_for(session, _runaway_alert(job, gap_c or 0.0))
            recorded.alerts += [alert] if is_new else []

    async def _keep_point(
        self, session: AsyncSession, job: Job, at: datetime, *, readings: dict[str, Any]
    ) -> None:
        bucket = _bucket(job, at)
        if await points.keep(session, job.id, bucket=bucket, at=at, readings=readings):
            job.point_count += 1
        while job.point_count > self._settings.printer_points:
            await self._widen(session, job)

    async def _widen(self, session: AsyncSession, job: Job) -> None:
        rows = widened(await points.all_of(session, job.id))
        await points.replace(
            session,
            job.id,
            [
                {"job_id": job.id, "bucket": bucket, "at": at, "readings": readings}
                for bucket, at, readings in rows
            ],
        )
        job.point_seconds *= 2
        job.point_count = len(rows)


def _measured(change: Change) -> dict[str, Any]:
    """What of an update belongs into the job's history."""
    if change.progress is None:
        return change.readings
    return {**change.readings, "progress": change.progress}


def _bucket(job: Job, at: datetime) -> int:
    return int(at.timestamp()) // job.point_seconds


def _note_first_estimate(job: Job, usual_s: float | None, now: datetime) -> None:
    if job.first_estimate is None:
        expected = estimate(known_of(job, usual_s), now)
        if expected is not None:
            job.first_estimate, job.first_estimate_source = expected.at, expected.source


async def _settle_commands(session: AsyncSession, job: Job, recorded: Recorded) -> None:
    shown = _SHOWN_BY.get(job.status)
    if shown is not None:
        settled = await commands.settle(session, job.printer_id, commands=shown, job_id=job.id)
        recorded.commands += [one.id for one in settled]


async def _ended(session: AsyncSession, job: Job, recorded: Recorded) -> None:
    metrics.JOBS.labels(job.status).inc()
    if job.status == "completed" and job.first_estimate is not None and job.completed_at:
        error_s = (job.completed_at - job.first_estimate).total_seconds()
        metrics.ETA_ERROR.labels(job.first_estimate_source or "").observe(error_s)
    recorded.alerts += await alerts.resolve(session, f"job_offline:{job.id}", f"runaway:{job.id}")
    if job.status == "failed":
        alert, _ = await alerts.raise_for(
            session,
            Alert(
                cause=f"failed:{job.id}",
                kind="print_failed",
                severity="warning",
                printer_id=job.printer_id,
                job_id=job.id,
                message=f"Print {job.id} ({job.model_file}) failed: {job.message or 'no reason'}",
                message_pt=f"A impressão {job.id} ({job.model_file}) falhou: "
                f"{job.message or 'sem motivo informado'}",
            ),
        )
        recorded.alerts.append(alert)


def _runaway_alert(job: Job, gap_c: float) -> Alert:
    return Alert(
        cause=f"runaway:{job.id}",
        kind="temperature_runaway",
        severity="critical",
        printer_id=job.printer_id,
        job_id=job.id,
        message=f"Printer {job.printer_id} is {gap_c:.0f} °C off its target in print {job.id}",
        message_pt=f"A impressora {job.printer_id} está {gap_c:.0f} °C fora do alvo "
        f"na impressão {job.id}",
    )


async def usual_of(session: AsyncSession, job: Job) -> float | None:
    """The usual printing time of a job's file, asked only where it is needed."""
    if job.remaining_s is not None and job.first_estimate is not None:
        return None
    return (await jobs.usual_seconds(session, [job.model_file])).get(job.model_file)
