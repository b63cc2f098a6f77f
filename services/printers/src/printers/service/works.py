"""The print queue, and the history of prints."""

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.errors import ValidationFailed
from common.pages import Page, PageRequest
from printers.models import QueueItem
from printers.moments import local, utc
from printers.repository import jobs, points, printers, queue
from printers.schemas.printers import QueueDraft, QueuePatch, QueueView
from printers.schemas.status import LARGEST_ID, FullStatus, JobMetrics
from printers.service.gone import Busy, HasJob, JobGone, QueueItemGone
from printers.service.views import Lens, full_status, queue_view
from printers.states import ACTIVE


class WorkService:
    """What users do with the queue and with prints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(
        self, requested: PageRequest, lens: Lens, *, is_waiting: bool | None
    ) -> Page[QueueView]:
        """One page of the queue, oldest first."""
        async with self._database.transaction() as session:
            found, count = await queue.page(
                session, is_waiting=is_waiting, limit=requested.size, offset=requested.offset
            )
        return requested.page([queue_view(item, job, lens) for item, job in found], count=count)

    async def enqueue(self, draft: QueueDraft, lens: Lens) -> QueueView:
        """Add an item.

        Raises:
            ValidationFailed: it names a printer that does not exist.
        """
        item = QueueItem(**draft.model_dump())
        async with self._database.transaction() as session:
            await _check_printer(session, draft.printer_id)
            session.add(item)
            await session.flush()
            await session.refresh(item)
        return queue_view(item, None, lens)

    async def item(self, item_id: int, lens: Lens) -> QueueView:
        """One item.

        Raises:
            QueueItemGone: there is no such item.
        """
        async with self._database.transaction() as session:
            item = await _item(session, item_id)
            return queue_view(item, await jobs.of_queue_item(session, item_id), lens)

    async def change(self, item_id: int, patch: QueuePatch | QueueDraft, lens: Lens) -> QueueView:
        """Change an item that has not been started.

        Raises:
            QueueItemGone: there is no such item.
            HasJob: it has been started.
            ValidationFailed: it names a printer that does not exist.
        """
        changes = patch.model_dump(exclude_unset=isinstance(patch, QueuePatch))
        async with self._database.transaction() as session:
            item = await _item(session, item_id, lock=True)
            if await jobs.of_queue_item(session, item_id) is not None:
                raise HasJob()
            await _check_printer(session, changes.get("printer_id"))
            for name, value in changes.items():
                setattr(item, name, value)
            item.updated_at = func.now()
            await session.flush()
            await session.refresh(item)
        return queue_view(item, None, lens)

    async def remove(self, item_id: int) -> None:
        """Remove an item that is not being printed; a print that has ended stays.

        Raises:
            QueueItemGone: there is no such item.
            Busy: it is being printed.
        """
        async with self._database.transaction() as session:
            await _item(session, item_id, lock=True)
            job = await jobs.of_queue_item(session, item_id)
            if job is not None and job.status in ACTIVE:
                raise Busy()
            await queue.remove(session, item_id)

    async def prints(
        self, requested: PageRequest, lens: Lens, *, printer_id: str | None, status: str | None
    ) -> Page[FullStatus]:
        """One page of prints, newest first."""
        async with self._database.transaction() as session:
            found, count = await jobs.page(
                session,
                printer_id=printer_id,
                status=status,
                limit=requested.size,
                offset=requested.offset,
            )
            active = [job.model_file for job in found if job.status in ACTIVE]
            usual = await jobs.usual_seconds(session, active)
        views = [full_status(job, lens, usual_s=usual.get(job.model_file)) for job in found]
        return requested.page(views, count=count)

    async def print_(self, job_id: int, lens: Lens) -> FullStatus:
        """One print.

        Raises:
            JobGone: there is no such print.
        """
        async with self._database.transaction() as session:
            job = await jobs.get(session, job_id) if 1 <= job_id <= LARGEST_ID else None
            if job is None:
                raise JobGone()
            usual = await jobs.usual_seconds(session, [job.model_file])
        return full_status(job, lens, usual_s=usual.get(job.model_file))

    async def history(self, job_id: int, lens: Lens) -> JobMetrics:
        """What was measured during a print.

        Raises:
            JobGone: there is no such print.
        """
        async with self._database.transaction() as session:
            job = await jobs.get(session, job_id) if 1 <= job_id <= LARGEST_ID else None
            if job is None:
                raise JobGone()
            found = await points.all_of(session, job_id)
        return JobMetrics(
            print_status_id=job_id,
            bucket_seconds=job.point_seconds,
            points=[
                {"timestamp": local(at, lens.zone), "timestamp_utc": utc(at), **readings}
                for _, at, readings in found
            ],
        )


async def _item(session: AsyncSession, item_id: int, *, lock: bool = False) -> QueueItem:
    item = await queue.get(session, item_id, lock=lock) if 1 <= item_id <= LARGEST_ID else None
    if item is None:
        raise QueueItemGone()
    return item


async def _check_printer(session: AsyncSession, printer_id: str | None) -> None:
    if printer_id is not None and await printers.get(session, printer_id) is None:
        raise ValidationFailed(
            fields={"printer_id": ["There is no such printer."]},
            fields_pt={"printer_id": ["Impressora não encontrada."]},
        )
