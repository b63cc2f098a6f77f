"""The four documented endpoints: start, update, one print, a printer's active prints."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.pool import Pool
from common.turns import Turns
from printers import metrics
from printers.advancing import Change
from printers.keys import digest
from printers.models import Alert, Job, Printer, QueueItem
from printers.repository import alerts, at_once, jobs, queue
from printers.schemas.status import (
    LARGEST_ID,
    ActiveJobs,
    BasicStatus,
    FullStatus,
    Started,
    StartRequest,
    Updated,
    UpdateRequest,
)
from printers.service.doors import LONGEST_KEY, opened
from printers.service.gone import (
    FutureTime,
    HasJob,
    JobEnded,
    JobGone,
    OtherPrinter,
    QueueItemGone,
    WrongKey,
)
from printers.service.recording import Recorded, Recorder, usual_of
from printers.service.telling import Teller
from printers.service.views import Lens, active_job, basic_status, full_status
from printers.states import FINAL

# A printer's clock may run ahead of ours by so much.
_CLOCK_SKEW: Final = timedelta(minutes=5)


class StatusService:
    """What printers say of their prints."""

    def __init__(
        self, database: Database, pool: Pool, *, recorder: Recorder, teller: Teller
    ) -> None:
        self._database = database
        self._pool = pool
        self._recorder = recorder
        self._teller = teller
        self._turns = Turns()

    async def start(self, request: StartRequest, api_key: str | None, lens: Lens) -> Started:
        """Make the print of a queue item; of two who try, one does.

        Raises:
            KeyMissing, WrongKey: nobody may speak for this printer so.
            QueueItemGone: there is no such queue item.
            OtherPrinter: it is meant for another printer.
            HasJob: it has been started already.
        """
        async with self._database.transaction() as session:
            printer = await opened(session, request.printer_id, api_key, lock=True)
            item = await _queue_item(session, request.print_queue_id)
            if item.printer_id not in (None, printer.printer_id):
                raise OtherPrinter()
            job = await start_job(session, printer.printer_id, item)
            resolved = await _hear(session, printer, lens.now) or []
            resolved += await alerts.resolve_kind(session, printer.printer_id, "print_failed")
        await self._teller.job(job)
        await self._teller.printer(printer, job)
        await self._teller.alerts(resolved)
        text = "Status de impressão criado com sucesso"
        return Started(
            message="Print status created" if lens.is_english else text, print_status_id=job.id
        )

    async def update(self, request: UpdateRequest, api_key: str | None, lens: Lens) -> Updated:
        """Take an update of a print.

        Raises:
            KeyMissing, WrongKey: nobody may speak for this printer so.
            JobGone: there is no such print, or it is another printer's.
            JobEnded: it is over, and this would change it.
            FutureTime: it speaks of what has not been yet.
            Unavailable: the printer has sent so much that this one's turn did not come.
        """
        _check_time(request, lens)
        with metrics.UPDATE_SECONDS.time():
            async with (
                self._turns.of((request.printer_id, api_key)),
                self._database.transaction() as session,
            ):
                printer = await opened(session, request.printer_id, api_key, lock=True)
                job = await _job_of(session, request.print_status_id, printer.printer_id)
                usual_s = await usual_of(session, job)
                recorded = await self._record(session, job, request, usual_s=usual_s)
                resolved = await _hear(session, printer, lens.now)
                recorded.alerts += resolved or []
        await self._tell(job, printer, recorded, was_offline=resolved is not None)
        return _updated(job, lens, usual_s=usual_s, ignored=recorded.ignored)

    async def update_at_once(
        self, request: UpdateRequest, api_key: str | None, lens: Lens
    ) -> Updated | None:
        """Take an update that only goes on from what is known: two round trips, and no lock.

        None, and nothing stored, when anything is in the way; `update` says what, or takes it.

        Raises:
            FutureTime: it speaks of what has not been yet.
            Unavailable: the printer has sent so much that this one's turn did not come.
        """
        _check_time(request, lens)
        job_id = request.print_status_id
        if not api_key or len(api_key) > LONGEST_KEY or not 1 <= job_id <= LARGEST_ID:
            return None
        began = time.perf_counter()
        async with (
            self._turns.of((request.printer_id, api_key)),
            self._pool.connection() as connection,
        ):
            seen = await at_once.seen_by_key(
                connection, request.printer_id, digest(api_key), job_id=job_id
            )
            if seen is None or seen.printer.is_offline:
                return None
            job, usual_s = seen.jobs[0], seen.usual_s[job_id]
            noted = self._recorder.note(job, _change_of(request, job), usual_s=usual_s)
            if noted is None:
                return None
            _show(seen.printer, lens.now)
            if not await at_once.save(connection, [at_once.Change(seen, job, noted.mark)]):
                return None
        metrics.UPDATE_SECONDS.observe(time.perf_counter() - began)
        self._recorder.remember(job, noted)
        await self._teller.job(job)
        return _updated(job, lens, usual_s=usual_s, ignored=noted.ignored)

    async def _record(
        self, session: AsyncSession, job: Job, request: UpdateRequest, *, usual_s: float | None
    ) -> Recorded:
        if job.status in FINAL:
            if request.status != job.status:
                raise JobEnded()
            return Recorded([], has_new_status=False)
        change = _change_of(request, job)
        return await self._recorder.record(session, job, change, usual_s=usual_s)

    async def _tell(
        self, job: Job, printer: Printer, recorded: Recorded, *, was_offline: bool
    ) -> None:
        await self._teller.job(job)
        await self._teller.alerts(recorded.alerts)
        if recorded.has_new_status or was_offline:
            await self._teller.printer(printer, None if job.status in FINAL else job)

    async def one(
        self, job_id: int, lens: Lens, *, printer_id: str | None, api_key: str | None, is_user: bool
    ) -> tuple[BasicStatus | FullStatus, str | None]:
        """One print: whole for its own printer and for users, basic for everybody else.

        Second comes the printer whose key was right, None where none was.

        Raises:
            JobGone: there is no such print.
        """
        async with self._database.transaction() as session:
            job = await jobs.get(session, job_id) if 1 <= job_id <= LARGEST_ID else None
            if job is None:
                raise JobGone()
            owner = await _verified(session, printer_id, api_key)
            usual_s = await usual_of(session, job)
        if is_user or owner == job.printer_id:
            return full_status(job, lens, usual_s=usual_s), owner
        return basic_status(job, lens, usual_s=usual_s), owner

    async def active(self, printer_id: str, api_key: str | None, lens: Lens) -> ActiveJobs:
        """A printer's active prints.

        Raises:
            KeyMissing, WrongKey: nobody may ask for this printer so.
        """
        async with self._database.transaction() as session:
            await opened(session, printer_id, api_key)
            found = await jobs.active_of(session, printer_id)
        return ActiveJobs(
            printer_id=printer_id,
            active_jobs_count=len(found),
            jobs=[active_job(job, lens) for job in found],
        )


async def start_job(session: AsyncSession, printer_id: str, item: QueueItem) -> Job:
    """Make the job of a queue item.

    Raises:
        HasJob: it has one already.
    """
    job = await jobs.add(
        session,
        printer_id=printer_id,
        queue_id=item.id,
        product_id=item.product_id,
        product_name=item.product_name,
        model_file=item.model_file,
        order_id=item.order_id,
    )
    if job is None:
        raise HasJob()
    return job


async def _queue_item(session: AsyncSession, item_id: int) -> QueueItem:
    item = await queue.get(session, item_id, lock=True) if 1 <= item_id <= LARGEST_ID else None
    if item is None:
        raise QueueItemGone()
    return item


async def _job_of(session: AsyncSession, job_id: int, printer_id: str) -> Job:
    job = await jobs.get(session, job_id, lock=True) if 1 <= job_id <= LARGEST_ID else None
    if job is None or job.printer_id != printer_id:
        raise JobGone()
    return job


def _check_time(request: UpdateRequest, lens: Lens) -> None:
    if request.timestamp is not None and request.timestamp > lens.now + _CLOCK_SKEW:
        raise FutureTime()


def _updated(job: Job, lens: Lens, *, usual_s: float | None, ignored: list[str]) -> Updated:
    metrics.UPDATES.labels("api").inc()
    text = "Status atualizado com sucesso"
    return Updated(
        message="Status updated" if lens.is_english else text,
        current_status=full_status(job, lens, usual_s=usual_s),
        ignored=ignored,
    )


def _change_of(request: UpdateRequest, job: Job) -> Change:
    arrived_at = max(datetime.now(UTC), job.updated_at)
    return Change(
        at=arrived_at if request.timestamp is None else request.timestamp,
        status=request.status,
        progress=request.progress,
        message=request.message,
        readings=request.metrics.readings if request.metrics is not None else {},
        may_turn_back=request.progress_reset or request.timestamp is not None,
    )


def _show(printer: Printer, now: datetime) -> bool:
    """Note that a printer spoke; True when it had been silent."""
    was_offline = printer.is_offline
    printer.last_seen_at = printer.link_seen_at = now
    printer.is_offline = False
    if printer.driver == "api":
        printer.link_state, printer.link_error = "up", None
    return was_offline


async def _hear(session: AsyncSession, printer: Printer, now: datetime) -> list[Alert] | None:
    """Note that a printer spoke; the alerts that this ends, None when it had not been silent."""
    was_offline = _show(printer, now)
    await session.flush()
    if not was_offline:
        return None
    return list(await alerts.resolve_kind(session, printer.printer_id, "offline_in_job"))


async def _verified(
    session: AsyncSession, printer_id: str | None, api_key: str | None
) -> str | None:
    if not printer_id or not api_key:
        return None
    try:
        return (await opened(session, printer_id, api_key)).printer_id
    except WrongKey:
        return None
