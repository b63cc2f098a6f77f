"""Workers: who they are, what badge they wear, and what their sessions say of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from tracking.floor.calendar import Calendar
from tracking.models import Worker
from tracking.repository import rulebook, workers
from tracking.schemas.registry import (
    StationAssignments,
    WorkerDetail,
    WorkerDraft,
    WorkerList,
    WorkerPatch,
    WorkerStatistics,
    WorkerView,
    given,
)
from tracking.service.gone import BadField, Taken, WorkerGone
from tracking.service.rulebook import RulebookService

_ATTENDANCE_DAYS: Final = 30


class PeopleService:
    """What users do with workers."""

    def __init__(self, database: Database, rules: RulebookService) -> None:
        self._database = database
        self._rules = rules

    async def page(
        self, *, active: bool | None, shift: str | None, limit: int, offset: int
    ) -> WorkerList:
        """One page of workers."""
        async with self._database.transaction() as session:
            found, total = await workers.page(
                session, active=active, shift=shift, limit=limit, offset=offset
            )
        views = [view_of(worker) for worker in found]
        return WorkerList(total=total, limit=limit, offset=offset, workers=views)

    async def get(self, worker_id: str) -> WorkerDetail:
        """A worker with their statistics.

        Raises:
            WorkerGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            worker = await known(session, worker_id)
            statistics = await self._statistics(session, worker)
        return WorkerDetail(**view_of(worker).model_dump(), statistics=statistics)

    async def register(self, draft: WorkerDraft) -> WorkerView:
        """Register a worker.

        Raises:
            Taken: the id or the badge is in use.
        """
        worker = Worker(**draft.model_dump())
        async with self._database.transaction() as session:
            if await workers.get(session, draft.worker_id) is not None:
                raise Taken("Worker", draft.worker_id)
            session.add(worker)
            await _stored(session, worker)
        return view_of(worker)

    async def change(self, worker_id: str, patch: WorkerPatch) -> WorkerView:
        """Change what is named.

        Raises:
            WorkerGone: there is none of this id.
            Taken: the badge is in use.
            BadField: a name is no name.
        """
        changes = given(patch)
        async with self._database.transaction() as session:
            worker = await known(session, worker_id, lock=True)
            for name, value in changes.items():
                setattr(worker, name, value)
            worker.updated_at = func.now()
            await _stored(session, worker)
        return view_of(worker)

    async def deactivate(self, worker_id: str) -> None:
        """Deactivate a worker; their sessions stay, their badge is free.

        Raises:
            WorkerGone: there is none of this id.
        """
        async with self._database.transaction() as session:
            worker = await known(session, worker_id, lock=True)
            worker.active = False
            worker.updated_at = func.now()
            await rulebook.revised(session)

    async def _statistics(self, session: AsyncSession, worker: Worker) -> WorkerStatistics:
        count, active_s, idle_s, unseen_s = await workers.sums(session, worker.worker_id)
        calendar = await self._rules.calendar(session)
        today = calendar.day_of(datetime.now(UTC))
        first = max(
            today - timedelta(days=_ATTENDANCE_DAYS - 1), calendar.day_of(worker.created_at)
        )
        present = await workers.days_present(
            session,
            worker.worker_id,
            zone=str(calendar.zone),
            since=calendar.start_of(first),
        )
        return WorkerStatistics(
            total_sessions=count,
            total_active_hours=round(active_s / 3600, 3),
            total_idle_hours=round(idle_s / 3600, 3),
            total_unseen_hours=round(unseen_s / 3600, 3),
            productivity_score=productivity(active_s, idle_s),
            attendance_rate=_attendance(worker, calendar, present, (first, today)),
        )


def _attendance(
    worker: Worker, calendar: Calendar, present: set[date], span: tuple[date, date]
) -> float | None:
    days = (span[1] - span[0]).days + 1
    all_days = [span[0] + timedelta(days=number) for number in range(days)]
    due = [day for day in all_days if calendar.works_on(day, worker.shift)]
    return round(sum(day in present for day in due) / len(due), 3) if due else None


def productivity(active_s: float, idle_s: float) -> float | None:
    """Active time in active and idle time; None when there is neither."""
    return round(active_s / (active_s + idle_s), 3) if active_s + idle_s > 0 else None


async def known(session: AsyncSession, worker_id: str, *, lock: bool = False) -> Worker:
    """The worker of this id.

    Raises:
        WorkerGone: there is none.
    """
    worker = await workers.get(session, worker_id, lock=lock)
    if worker is None:
        raise WorkerGone(worker_id)
    return worker


async def _stored(session: AsyncSession, worker: Worker) -> None:
    if not worker.name:
        raise BadField("name", "must not be empty")
    badge_id, worker_id = worker.badge_id, worker.worker_id
    try:
        await session.flush()
    except IntegrityError as error:
        constraint = str(error.orig)
        if badge_id is not None and "ix_workers_badge" in constraint:
            raise Taken("Badge", badge_id) from error
        raise Taken("Worker", worker_id) from error
    await session.refresh(worker)
    await rulebook.revised(session)


def view_of(worker: Worker) -> WorkerView:
    """A worker as users see one."""
    return WorkerView(
        worker_id=worker.worker_id,
        name=worker.name,
        badge_id=worker.badge_id,
        shift=worker.shift,
        skill_level=worker.skill_level,
        station_assignments=StationAssignments.model_validate(worker.station_assignments),
        active=worker.active,
        created_at=worker.created_at,
        updated_at=worker.updated_at,
    )
