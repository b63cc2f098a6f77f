"""What bridges report, as printers and jobs: a print is met, followed and ended."""

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from printers import metrics
from printers.advancing import Change
from printers.models import Alert, Command, Job, Printer
from printers.reports import JobOutcome, Report
from printers.repository import alerts, commands, jobs, printers, queue
from printers.service.recording import Recorded, Recorder, usual_of
from printers.service.statuses import start_job
from printers.service.telling import Teller
from printers.states import FINAL, JobStatus

# A print's last state and its end come as two messages, in either order.
_GRACE: Final = timedelta(seconds=8)
# A print that has gone this far did not begin a moment ago.
_BEGUN_S: Final = 30.0
_NEARLY_DONE: Final = 99.5
_UNSEEN: Final = "A impressão terminou sem ser observada"
_REPLACED: Final = "Outra impressão começou na impressora"


class Hearing:
    """Stores reports; one printer's come one after another."""

    def __init__(self, database: Database, recorder: Recorder, teller: Teller) -> None:
        self._database = database
        self._recorder = recorder
        self._teller = teller
        self._idle_since: dict[str, datetime] = {}

    async def hear(self, printer_id: str, report: Report, *, driver: str) -> None:
        """Store one report; one of a printer that has another driver by now is passed over."""
        with metrics.UPDATE_SECONDS.time():
            async with self._database.transaction() as session:
                printer = await printers.get(session, printer_id, lock=True)
                if printer is None or printer.driver != driver:
                    return
                before = _face(printer)
                found = Heard(ended=await _meet(session, printer, report))
                await self._follow(session, printer, report, found)
                settled = await _fetched(session, printer_id, found)
        metrics.UPDATES.labels(printer.driver).inc()
        await self._tell(printer, found, settled, has_new_face=_face(printer) != before)

    async def link(self, printer_id: str, state: str, error: str | None) -> None:
        """Note how the bridge stands with a printer's host."""
        async with self._database.transaction() as session:
            printer = await printers.get(session, printer_id, lock=True)
            if printer is None or (printer.link_state, printer.link_error) == (state, error):
                return
            printer.link_state, printer.link_error = state, error
            if state in ("auth_failed", "refused"):
                printer.reported_state = "error"
            current = (await printers.current_jobs(session, [printer_id])).get(printer_id)
        await self._teller.printer(printer, current)

    async def _follow(
        self, session: AsyncSession, printer: Printer, report: Report, found: "Heard"
    ) -> None:
        active = list(await jobs.active_of(session, printer.printer_id, lock=True))
        current = _chosen(active, report)
        if report.outcome is not None:
            if current is not None and current.status != "pending":
                await self._end(session, current, report, found=found, outcome=report.outcome)
            return
        if _is_under_way(printer, report, current):
            self._idle_since.pop(printer.printer_id, None)
            await self._progress(session, printer, current, report=report, found=found)
            return
        if current is None or current.printer_file is None:
            self._idle_since.pop(printer.printer_id, None)
            return
        if report.state == "idle":
            since = self._idle_since.setdefault(printer.printer_id, report.at)
            if report.at - since >= _GRACE:
                self._idle_since.pop(printer.printer_id)
                await self._end_unseen(session, current, report, found=found)

    async def _progress(
        self,
        session: AsyncSession,
        printer: Printer,
        current: Job | None,
        *,
        report: Report,
        found: "Heard",
    ) -> None:
        if current is not None and _is_another(current, report):
            await self._end_unseen(session, current, report, found=found, message=_REPLACED)
            current = None
        if current is None:
            if report.file is None or await _has_just_ended(session, printer, report):
                return
            current = await _met(session, printer.printer_id, report.file)
            found.ended += await alerts.resolve_kind(session, printer.printer_id, "print_failed")
        if report.file is not None:
            current.printer_file = report.file
        status: JobStatus | None = None
        if report.began or report.state is not None:
            status = report.state if report.state in ("paused", "preparing") else "printing"
        change = Change(
            at=max(report.at, current.updated_at),
            status=status,
            progress=report.progress,
            readings=report.readings,
            may_turn_back=True,
        )
        usual_s = await usual_of(session, current)
        found.add(current, await self._recorder.record(session, current, change, usual_s=usual_s))

    async def _end(
        self,
        session: AsyncSession,
        job: Job,
        report: Report,
        *,
        found: "Heard",
        outcome: JobOutcome,
        message: str | None = None,
    ) -> None:
        change = Change(
            at=max(report.at, job.updated_at),
            status=outcome,
            message=message or report.message,
            readings=report.readings,
        )
        found.add(job, await self._recorder.record(session, job, change, usual_s=None))

    async def _end_unseen(
        self,
        session: AsyncSession,
        job: Job,
        report: Report,
        *,
        found: "Heard",
        message: str = _UNSEEN,
    ) -> None:
        outcome: JobOutcome = "completed" if job.progress >= _NEARLY_DONE else "failed"
        await self._end(session, job, report, found=found, outcome=outcome, message=message)

    async def _tell(
        self, printer: Printer, found: "Heard", settled: list[Command], *, has_new_face: bool
    ) -> None:
        for job in found.jobs:
            await self._teller.job(job)
        active = [job for job in found.jobs if job.status not in FINAL]
        if has_new_face or found.has_new_status:
            await self._teller.printer(printer, active[-1] if active else None)
        elif not found.jobs:
            await self._teller.readings(printer)
        await self._teller.alerts([*found.ended, *found.alerts])
        await self._teller.commands(settled)


class Heard:
    """What one report led to."""

    def __init__(self, *, ended: list[Alert]) -> None:
        self.ended = ended
        self.jobs: list[Job] = []
        self.alerts: list[Alert] = []
        self.command_ids: list[int] = []
        self.has_new_status = False

    def add(self, job: Job, recorded: Recorded) -> None:
        """Take in what a job went through."""
        self.jobs.append(job)
        self.alerts += recorded.alerts
        self.command_ids += recorded.commands
        self.has_new_status = self.has_new_status or recorded.has_new_status


async def _meet(session: AsyncSession, printer: Printer, report: Report) -> list[Alert]:
    """Note what a printer shows of itself; the alerts that this ends."""
    printer.link_seen_at = datetime.now(UTC)
    printer.link_state, printer.link_error = "up", None
    if report.state is not None:
        printer.reported_state = report.state
    elif report.outcome is not None:
        printer.reported_state = "idle"
    if report.readings:
        printer.readings = {**printer.readings, **report.readings}
    if report.state == "offline" or (report.state is None and printer.reported_state == "offline"):
        return []
    printer.last_seen_at = report.at
    was_offline, printer.is_offline = printer.is_offline, False
    if not was_offline:
        return []
    return list(await alerts.resolve_kind(session, printer.printer_id, "offline_in_job"))


def _face(printer: Printer) -> tuple[object, ...]:
    return (printer.reported_state, printer.is_offline, printer.link_state)


def _chosen(active: list[Job], report: Report) -> Job | None:
    """The job that a report speaks of: the one under way, else one that was started for it."""
    under_way = [job for job in active if job.status != "pending"]
    same = [job for job in under_way if report.file and job.printer_file == report.file]
    if same or under_way:
        return (same or under_way)[-1]
    pending = [job for job in active if report.file and is_same_model(job.model_file, report.file)]
    waiting = pending or active
    return waiting[0] if waiting else None


def _is_under_way(printer: Printer, report: Report, current: Job | None) -> bool:
    """True while it prints; temperatures alone belong to the print that is being followed."""
    printing = ("printing", "paused", "preparing")
    if report.began or report.state in printing:
        return True
    is_followed = current is not None and current.printer_file is not None
    return report.state is None and is_followed and printer.reported_state in printing


def _is_another(job: Job, report: Report) -> bool:
    if job.printer_file is None or report.file is None:
        return False
    if report.file != job.printer_file:
        return True
    return report.began and job.printed_s > _BEGUN_S and job.progress >= 1


async def _has_just_ended(session: AsyncSession, printer: Printer, report: Report) -> bool:
    """True for the last look at a print whose end was heard a moment before."""
    newest = await jobs.newest_of(session, printer.printer_id)
    if report.began or newest is None or newest.completed_at is None:
        return False
    return newest.printer_file == report.file and report.at - newest.completed_at < _GRACE


async def _met(session: AsyncSession, printer_id: str, file: str) -> Job:
    """The job of a print that nobody announced: from the printer's queue, else a new one."""
    for item in await queue.waiting_for(session, printer_id):
        if is_same_model(item.model_file, file):
            return await start_job(session, printer_id, item)
    job = await jobs.add(
        session, printer_id=printer_id, product_name=PurePosixPath(file).stem, model_file=file
    )
    assert job is not None, "without a queue item there is no conflict"
    return job


def is_same_model(model_file: str, printed_file: str) -> bool:
    """True when a G-code file was sliced from this model: `dragon.stl`, `Dragon_0.2mm.gcode`."""
    model = PurePosixPath(model_file).stem.casefold()
    printed = PurePosixPath(printed_file).stem.casefold()
    return printed == model or (
        bool(model) and printed.startswith(model) and not printed[len(model)].isalnum()
    )


async def _fetched(session: AsyncSession, printer_id: str, found: Heard) -> list[Command]:
    rows = [await commands.get(session, printer_id, one) for one in found.command_ids]
    return [row for row in rows if row is not None]
