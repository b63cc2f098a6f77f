"""What bridges report, as printers and jobs: a print is met, followed and ended."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.pool import Pool
from printers import advancing, metrics
from printers.models import Alert, Command, Job, Printer
from printers.reports import JobOutcome, Report
from printers.repository import alerts, at_once, commands, jobs, printers, queue
from printers.repository.at_once import Change, Seen
from printers.service.following import (
    change_of,
    chosen,
    face,
    is_another,
    is_same_model,
    is_under_way,
    meet,
)
from printers.service.recording import Noted, Recorded, Recorder, usual_of
from printers.service.statuses import start_job
from printers.service.telling import Teller
from printers.states import FINAL

# A print's last state and its end come as two messages, in either order.
_GRACE: Final = timedelta(seconds=8)
_NEARLY_DONE: Final = 99.5
_UNSEEN: Final = "A impressão terminou sem ser observada"
_REPLACED: Final = "Outra impressão começou na impressora"


class Hearing:
    """Stores reports; one printer's come one after another."""

    def __init__(
        self, database: Database, pool: Pool, *, recorder: Recorder, teller: Teller
    ) -> None:
        self._database = database
        self._pool = pool
        self._recorder = recorder
        self._teller = teller
        self._idle_since: dict[str, datetime] = {}

    async def hear(self, printer_id: str, report: Report, *, driver: str) -> None:
        """Store one report; one of a printer that has another driver by now is passed over."""
        if report.is_turn or await self.hear_together({printer_id: report}, driver=driver):
            await self.hear_in_turn(printer_id, report, driver=driver)

    async def hear_together(self, reports: Mapping[str, Report], *, driver: str) -> set[str]:
        """Store one report of each printer in two round trips, without a lock.

        The ids of printers whose report asks for more than to be stored, or that somebody else
        changed meanwhile: nothing is stored of them, they are to be heard in turn.
        """
        began = time.perf_counter()
        async with self._pool.connection() as connection:
            seen = await at_once.seen_of(connection, list(reports))
            mine = [one for one in seen.values() if one.printer.driver == driver]
            steps = [self._step(one, reports[one.printer.printer_id]) for one in mine]
            plain = [step for step in steps if step is not None]
            stored = await at_once.save(connection, [step.change for step in plain])
        for step in plain:
            if step.printer.printer_id in stored:
                await self._take(step)
        if stored:
            metrics.UPDATES.labels(driver).inc(len(stored))
            metrics.UPDATE_SECONDS.observe(time.perf_counter() - began)
        return {one.printer.printer_id for one in mine} - stored

    def _step(self, seen: Seen, report: Report) -> "Step | None":
        """What a report comes to when it only has to be stored; None when it asks for more."""
        printer, before = seen.printer, face(seen.printer)
        if report.is_turn or meet(printer, report, datetime.now(UTC)):
            return None
        current = chosen(seen.jobs, report)
        is_followed = current is not None and current.printer_file is not None
        if not is_under_way(printer, report, current):
            is_over = is_followed and report.state == "idle"
            has_new_face = face(printer) != before
            return None if is_over else Step(Change(seen), None, has_new_face, not is_followed)
        if current is None or not is_followed or report.file not in (None, current.printer_file):
            return None
        usual_s = seen.usual_s[current.id]
        noted = self._recorder.note(current, change_of(report, current), usual_s=usual_s)
        if noted is None:
            return None
        return Step(Change(seen, current, noted.mark), noted, face(printer) != before, True)

    async def _take(self, step: "Step") -> None:
        """Take over what has been stored, and tell of it."""
        job = step.change.job
        if step.is_settled:
            self._idle_since.pop(step.printer.printer_id, None)
        found = Heard(ended=[])
        if job is not None and step.noted is not None:
            self._recorder.remember(job, step.noted)
            found.jobs.append(job)
        await self._tell(step.printer, found, [], has_new_face=step.has_new_face)

    async def hear_in_turn(self, printer_id: str, report: Report, *, driver: str) -> None:
        """Store any report, with the printer locked from the first look to the commit."""
        with metrics.UPDATE_SECONDS.time():
            async with self._database.transaction() as session:
                printer = await printers.get(session, printer_id, lock=True)
                if printer is None or printer.driver != driver:
                    return
                before = face(printer)
                found = Heard(ended=[])
                if meet(printer, report, datetime.now(UTC)):
                    found.ended += await alerts.resolve_kind(session, printer_id, "offline_in_job")
                await self._follow(session, printer, report, found)
                settled = await _fetched(session, printer_id, found)
        metrics.UPDATES.labels(printer.driver).inc()
        await self._tell(printer, found, settled, has_new_face=face(printer) != before)

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
        current = chosen(active, report)
        if report.outcome is not None:
            if current is not None and current.status != "pending":
                await self._end(session, current, report, found=found, outcome=report.outcome)
            return
        if is_under_way(printer, report, current):
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
        if current is not None and is_another(current, report):
            await self._end_unseen(session, current, report, found=found, message=_REPLACED)
            current = None
        if current is None:
            if report.file is None or await _has_just_ended(session, printer, report):
                return
            current = await _met(session, printer.printer_id, report.file)
            found.ended += await alerts.resolve_kind(session, printer.printer_id, "print_failed")
        if report.file is not None:
            current.printer_file = report.file
        change = change_of(report, current)
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
        change = advancing.Change(
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


@dataclass(frozen=True, slots=True)
class Step:
    """A report that only has to be stored: what changes, and what was noted of its job.

    `is_settled` says that no print is left whose end may have gone unseen.
    """

    change: Change
    noted: Noted | None
    has_new_face: bool
    is_settled: bool

    @property
    def printer(self) -> Printer:
        """The printer as it is after the report."""
        return self.change.seen.printer


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


async def _fetched(session: AsyncSession, printer_id: str, found: Heard) -> list[Command]:
    rows = [await commands.get(session, printer_id, one) for one in found.command_ids]
    return [row for row in rows if row is not None]
