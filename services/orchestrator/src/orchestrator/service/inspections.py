"""Inspections: made, changed, cancelled, retried and removed (contract, chapter 5)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.errors import Unprocessable
from common.pages import Page, PageRequest
from common.schemas.vision import PipelineConfig
from orchestrator import pipelines
from orchestrator.events import Events
from orchestrator.ids import new_id
from orchestrator.models import Inspection
from orchestrator.repository import attempts, inspections, machines
from orchestrator.repository.inspections import InspectionFilter
from orchestrator.schemas.inspections import (
    InspectionDraft,
    InspectionPatch,
    InspectionSummary,
    InspectionView,
)
from orchestrator.service.states import (
    FINISHED,
    BrokenPipeline,
    IllegalMove,
    InspectionGone,
    enqueue,
    finish,
    rerank,
    restart,
)
from orchestrator.service.toolboxes import Toolboxes
from orchestrator.service.views import inspection_view, summary_view
from orchestrator.settings import Settings
from orchestrator.storage import Storage

# These say what an inspection is called, not what it does: they may change at any time.
_LABELS = frozenset({"name", "description"})
_CHECKED_AT_ONCE = 100


class InspectionService:
    """What users do with inspections."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        events: Events,
        toolboxes: Toolboxes,
        storage: Storage,
    ) -> None:
        self._settings = settings
        self._database = database
        self._events = events
        self._toolboxes = toolboxes
        self._storage = storage

    async def create(self, draft: InspectionDraft, principal: Principal) -> InspectionView:
        """Make an inspection and, unless told otherwise, queue it.

        Raises:
            BrokenPipeline: it cannot run.
            Unprocessable: a machine that it names does not exist.
        """
        async with self._database.transaction() as session:
            inspection = Inspection(id=new_id("ins"), created_by=principal.subject)
            fields = draft.model_dump(exclude={"pipeline_config"})
            await self._apply(session, inspection, fields, draft.pipeline_config)
            if draft.auto_distribute:
                enqueue(inspection, self._settings)
            session.add(inspection)
            await session.flush()
            await session.refresh(inspection)
        await self._announce(inspection)
        return inspection_view(inspection)

    async def _apply(
        self,
        session: AsyncSession,
        inspection: Inspection,
        fields: dict[str, Any],
        config: PipelineConfig | None,
    ) -> None:
        target = fields.get("target_machine_id")
        await require_machines(
            session, target_machine_id=target, preferred=fields.get("preferred_machines", ())
        )
        for name, value in fields.items():
            setattr(inspection, name, value)
        if config is not None:
            problems = await self._toolboxes.problems(session, config)
            if problems:
                raise BrokenPipeline(problems)
            inspection.is_checked = not (await self._toolboxes.current(session)).is_empty
            describe_pipeline(inspection, config)

    async def get(self, inspection_id: str) -> InspectionView:
        """The whole record.

        Raises:
            InspectionGone: there is no such inspection.
        """
        async with self._database.transaction() as session:
            inspection = await inspections.get(session, inspection_id)
            if inspection is None:
                raise InspectionGone()
            return await self._record(session, inspection)

    async def _record(self, session: AsyncSession, inspection: Inspection) -> InspectionView:
        return inspection_view(
            inspection,
            attempts=await attempts.of(session, inspection.id),
            artifacts=await attempts.artifacts(
                session, inspection.id, attempt=inspection.attempt_count
            ),
            late_reports=await attempts.late_reports(session, inspection.id),
            base_url=self._settings.external_url,
        )

    async def page(
        self, requested: PageRequest, chosen: InspectionFilter
    ) -> Page[InspectionSummary]:
        """One page of inspections, newest first."""
        async with self._database.transaction() as session:
            found, count = await inspections.page(
                session, chosen, limit=requested.size, offset=requested.offset
            )
        return requested.page([summary_view(*one) for one in found], count=count)

    async def change(
        self, inspection_id: str, changes: InspectionDraft | InspectionPatch
    ) -> InspectionView:
        """Change an inspection; what it does only while it waits.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: it does not wait any more.
            BrokenPipeline: it cannot run so.
            Unprocessable: a machine that it names does not exist.
        """
        is_whole = isinstance(changes, InspectionDraft)
        fields = changes.model_dump(
            exclude={"pipeline_config", "auto_distribute"}, exclude_unset=not is_whole
        )
        is_given = is_whole or "pipeline_config" in changes.model_fields_set
        config = changes.pipeline_config if is_given else None
        async with self._database.transaction() as session:
            inspection = await locked(session, inspection_id)
            if inspection.status != "pending" and _moves(inspection, fields, config):
                raise IllegalMove(inspection, "changed")
            await self._apply(session, inspection, fields, config)
            rerank(inspection, self._settings)
            await session.flush()
            await session.refresh(inspection)
            record = await self._record(session, inspection)
        await self._announce(inspection)
        return record

    async def cancel(self, inspection_id: str) -> tuple[InspectionView, str | None]:
        """Cancel an inspection; the machine that works on it, if any, is still to be told.

        The lease lives on until the machine confirms or it expires: until then its slot is taken.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: it has ended.
        """
        async with self._database.transaction() as session:
            inspection = await locked(session, inspection_id)
            if inspection.status in FINISHED:
                raise IllegalMove(inspection, "cancelled")
            token, expires_at = inspection.lease_token, inspection.lease_expires_at
            finish(inspection, "cancelled")
            inspection.lease_token, inspection.lease_expires_at = token, expires_at
            await session.flush()
            await session.refresh(inspection)
            record = await self._record(session, inspection)
        await self._announce(inspection)
        return record, inspection.machine_id if token else None

    async def retry(self, inspection_id: str) -> InspectionView:
        """Queue an inspection that failed or was cancelled once more.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: it has neither failed nor been cancelled.
            BrokenPipeline: it cannot run any more: a tool or an uploaded image is gone.
            Unprocessable: the machine that it is meant for is gone.
        """
        async with self._database.transaction() as session:
            inspection = await locked(session, inspection_id)
            if inspection.status not in ("failed", "cancelled"):
                raise IllegalMove(inspection, "retried")
            await require_machines(session, target_machine_id=inspection.target_machine_id)
            config = PipelineConfig.model_validate(inspection.pipeline_config)
            problems = await self._toolboxes.problems(session, config)
            if problems:
                raise BrokenPipeline(problems)
            if inspection.lease_token is not None:
                number = inspection.attempt_count
                await attempts.end(session, inspection_id, number, outcome="cancelled")
            restart(inspection, self._settings)
            await session.flush()
            await session.refresh(inspection)
            record = await self._record(session, inspection)
        await self._announce(inspection)
        return record

    async def remove(self, inspection_id: str) -> None:
        """Remove an inspection with all that it left behind.

        Raises:
            InspectionGone: there is no such inspection.
            IllegalMove: a machine works on it.
        """
        async with self._database.transaction() as session:
            inspection = await locked(session, inspection_id)
            if inspection.lease_token is not None:
                raise IllegalMove(inspection, "removed while a machine holds it")
            keys = await attempts.artifact_keys(session, [inspection_id])
            await inspections.remove(session, [inspection_id])
        await self._storage.discard(keys)

    async def check_unchecked(self) -> None:
        """Judge what was made before any node had registered; fail what cannot run."""
        while await self._check_some():
            continue

    async def _check_some(self) -> bool:
        failed: list[Inspection] = []
        async with self._database.transaction() as session:
            found = await inspections.unchecked(session, limit=_CHECKED_AT_ONCE)
            if (await self._toolboxes.current(session)).is_empty:
                return False
            for inspection in found:
                config = PipelineConfig.model_validate(inspection.pipeline_config)
                problems = await self._toolboxes.problems(session, config)
                inspection.is_checked = True
                if problems:
                    finish(inspection, "failed", error=BrokenPipeline(problems).message)
                    failed.append(inspection)
        for inspection in failed:
            await self._announce(inspection)
        return len(found) == _CHECKED_AT_ONCE

    async def _announce(self, inspection: Inspection) -> None:
        await self._events.inspection(
            inspection.id,
            inspection.status,
            machine_id=inspection.machine_id,
            error_message=inspection.error_message,
            priority=inspection.priority,
        )
        if inspection.status == "pending" and inspection.queued_at is not None:
            await self._events.wake()


async def locked(session: AsyncSession, inspection_id: str) -> Inspection:
    """The inspection, locked until the commit.

    Raises:
        InspectionGone: there is no such inspection.
    """
    inspection = await inspections.get(session, inspection_id, lock=True)
    if inspection is None:
        raise InspectionGone()
    return inspection


async def require_machines(
    session: AsyncSession, *, target_machine_id: str | None, preferred: Sequence[str] = ()
) -> None:
    """Refuse machines that do not exist.

    Raises:
        Unprocessable: names the field and the first machine that is unknown.
    """
    wanted = [target_machine_id] if target_machine_id is not None else []
    if not wanted and not preferred:
        return
    known = await machines.known_ids(session, [*wanted, *preferred])
    for field, ids in (("target_machine_id", wanted), ("preferred_machines", preferred)):
        for machine_id in ids:
            if machine_id not in known:
                text = f"There is no machine {machine_id!r}."
                raise Unprocessable(text, fields={field: [text]})


def describe_pipeline(inspection: Inspection, config: PipelineConfig) -> None:
    """Keep a pipeline, and what the queue must know of it."""
    inspection.pipeline_config = stored(config)
    inspection.tool_names = pipelines.tool_names(config)
    inspection.image_ids = sorted(set(pipelines.uploads(config).values()))
    inspection.is_continuous = pipelines.is_continuous(config)


def stored(config: PipelineConfig) -> dict[str, Any]:
    """A pipeline as it is kept: as the client wrote it."""
    return config.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _moves(inspection: Inspection, fields: dict[str, Any], config: PipelineConfig | None) -> bool:
    """True when the change touches what the inspection does, not only what it is called."""
    if config is not None and stored(config) != inspection.pipeline_config:
        return True
    return any(
        getattr(inspection, name) != value for name, value in fields.items() if name not in _LABELS
    )
