"""The inspections that this node holds a lease for: accepted, run in the thread pool, reported."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from common.errors import Conflict, Unavailable
from common.schemas.vision import (
    Assignment,
    HeldLease,
    NodeEvent,
    PipelineConfig,
    ResultReport,
)
from vision_node.gateway import Away, Gateway, Refused
from vision_node.inference.sessions import Models
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.runner import RunCancelled, ToolFailed
from vision_node.runtime.admission import Admission, kind_of
from vision_node.runtime.delivery import Delivery
from vision_node.runtime.live import LiveRun, Viewers, in_thread
from vision_node.runtime.metrics import (
    ADMISSION_REFUSED,
    LEASES_LOST,
    RUNNING,
    STREAM_THREADS,
    Meters,
)
from vision_node.runtime.observing import Observer, addressed
from vision_node.runtime.throughput import Throughput
from vision_node.runtime.uploads import Uploads
from vision_node.runtime.work import (
    Outcome,
    Work,
    is_live,
    outcome_of,
    processing,
    run_work,
    uploads_needed,
)
from vision_node.settings import Settings
from vision_node.sources.errors import SourceError
from vision_node.sources.opening import SourceAccess

_ASIDE_TIMEOUT_S = 2.0
_T = TypeVar("_T")
_log = logging.getLogger("inspections")


class MachineFull(Conflict):
    """This machine runs as many inspections as it may."""

    code = "MACHINE_FULL"


class WrongMachine(Conflict):
    """The lease is for another machine than the one that this node is."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What inspections need from the rest of the node."""

    settings: Settings
    tools: Tools
    models: Models
    gateway: Gateway
    uploads: Uploads
    delivery: Delivery
    pool: ThreadPoolExecutor
    admission: Admission
    meters: Meters


class Inspections:
    """All work of this node. `changed` is called whenever the number of running ones changes."""

    def __init__(self, parts: Parts, *, group: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._group = group
        self._works: dict[str, Work] = {}
        self.throughput = Throughput()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.machine_id: str | None = None
        self.changed: Callable[[], None] = lambda: None

    @property
    def running(self) -> int:
        """Inspections accepted and not yet kept as results."""
        return len(self._works)

    @property
    def is_full(self) -> bool:
        """No further one is accepted now."""
        return self.running >= self._parts.settings.max_concurrent_inspections

    def accept(self, assignment: Assignment) -> None:
        """Begin work on an assignment; the same lease again is no second one.

        Raises WrongMachine, MachineFull or Unavailable.
        """
        if assignment.machine_id != self.machine_id:
            raise WrongMachine("this node is not the machine that the lease is for")
        if self._is_draining:
            raise Unavailable("this node is shutting down")
        held = self._works.get(assignment.inspection_id)
        if held is not None and held.token == assignment.lease.token:
            return
        if held is not None:
            self.lose(assignment.inspection_id, held.token)
        kind = kind_of(assignment.pipeline_config)
        self._admit(assignment, kind)
        if not self._parts.delivery.can_keep:
            raise Unavailable("this node cannot keep further results", retry_after_s=10)
        work = Work(assignment, time.monotonic(), kind)
        self._works[assignment.inspection_id] = work
        self._parts.admission.begin(
            assignment.inspection_id, kind, is_live=assignment.is_continuous
        )
        self._note()
        self._start(self._inspect(work))

    def _admit(self, assignment: Assignment, kind: str) -> None:
        """Raise MachineFull where there is no room."""
        if self.is_full:
            ADMISSION_REFUSED.labels("count").inc()
            raise MachineFull(f"{self.running} inspections are running already")
        reason = self._parts.admission.refusal(kind, is_live=assignment.is_continuous)
        if reason is not None:
            ADMISSION_REFUSED.labels("cost").inc()
            raise MachineFull(reason)

    def cancel(self, inspection_id: str) -> None:
        """Stop work that a user has cancelled; it is reported as cancelled."""
        if (work := self._works.get(inspection_id)) is not None:
            work.halt()

    def lose(self, inspection_id: str, token: str) -> None:
        """Drop work whose lease this node no longer holds; nothing is reported."""
        work = self._works.get(inspection_id)
        if work is not None and work.token == token:
            LEASES_LOST.inc()
            self._drop(work)

    def _drop(self, work: Work) -> None:
        work.is_lost = True
        work.halt()
        self._remove(work)

    def held_leases(self) -> list[HeldLease]:
        """The leases of work under way."""
        return [HeldLease(inspection_id=key, token=work.token) for key, work in self._works.items()]

    async def drain(self, timeout_s: float) -> None:
        """Accept nothing more; finish what can be finished in time and let go of the rest."""
        self._is_draining = True
        for work in [work for work in self._works.values() if work.is_live]:
            self._drop(work)  # a stream has no end to wait for: another node takes it over
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d inspections are given back unfinished", self.running)
        for work in list(self._works.values()):
            self._drop(work)

    def close(self) -> None:
        """Wait for nothing that is still in a thread."""
        for task in list(self._tasks):
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _inspect(self, work: Work) -> None:
        began = time.monotonic()
        announced = self._start(self._announce(work))
        outcome = await self._outcome(work)
        if outcome is None or work.is_lost:
            self._remove(work)
            return
        await asyncio.gather(announced, *([] if work.is_live else [self._tell(outcome.report)]))
        seconds = time.monotonic() - began
        status = outcome.report.status
        self._parts.meters.inspection(work.assignment.inspection_type, status, seconds)
        if status != "cancelled":
            self.throughput.add(seconds, is_success=status == "completed")
        await self._parts.delivery.keep(outcome.report, outcome.artifacts)
        self._remove(work)

    async def _outcome(self, work: Work) -> Outcome | None:
        """Run the pipeline; None where the mesh, not the inspection, is at fault: it goes back."""
        parts, loop = self._parts, asyncio.get_running_loop()
        try:
            graph = await loop.run_in_executor(
                parts.pool, self._compile, work.assignment.pipeline_config
            )
            uploads = await self._fetched(work, graph)
            access = replace(self._access(), uploads=uploads)
            waited_s = time.monotonic() - work.accepted_at
            parts.meters.wait(work.assignment.inspection_type, waited_s)
            if is_live(graph):
                return await self._run_live(work, graph, access)
            return await loop.run_in_executor(parts.pool, self._run_picture, work, graph, access)
        except (TimeoutError, Away):
            _log.warning("%s goes back: no source to be had", work.assignment.inspection_id)
            return None
        except Exception as error:
            # Whatever a pipeline does, the user gets a failed inspection with words.
            return outcome_of(work, error)

    def _run_picture(self, work: Work, graph: Graph, access: SourceAccess) -> Outcome:
        """In a thread of the pool; what it cost is remembered, however it ends."""
        parts, began = self._parts, time.monotonic()
        timeout_s = parts.settings.inspection_timeout_s
        try:
            return run_work(work, graph, access=access, timeout_s=timeout_s, meters=parts.meters)
        finally:
            parts.admission.measured_picture(work.kind, time.monotonic() - began)

    async def _run_live(self, work: Work, graph: Graph, access: SourceAccess) -> Outcome:
        """Inspect a stream to its end; what viewers have not got by then they get first."""
        parts = self._parts
        work.is_live = True
        inspection_id = work.assignment.inspection_id
        parts.admission.begin(inspection_id, work.kind, is_live=True)
        viewers = Viewers(parts.gateway, work)
        observer = Observer(parts.gateway, work, graph)
        access = await addressed(graph, access, parts.gateway)
        run = LiveRun(
            work,
            graph,
            access=access,
            pool=parts.pool,
            viewers=viewers,
            timeout_s=parts.settings.inspection_timeout_s,
            meters=parts.meters,
            on_share=lambda share: parts.admission.measured_stream(inspection_id, share),
            on_results=observer.add,
        )
        telling = self._start(viewers.run())
        observing = self._start(observer.run())
        try:
            return await in_thread(run.run, name="vision-live")
        finally:
            viewers.close()
            observer.close()
            # A lease that is lost ends the telling, but what was seen was seen.
            waited = [observing] if work.is_lost else [telling, observing]
            await asyncio.wait(waited, timeout=_ASIDE_TIMEOUT_S)
            telling.cancel()
            observing.cancel()

    def _compile(self, config: PipelineConfig) -> Graph:
        return compile_pipeline(config, self._parts.tools, models=self._parts.models)

    async def _fetched(self, work: Work, graph: Graph) -> dict[str, bytes]:
        """The uploads of a pipeline; raises TimeoutError, RunCancelled or ToolFailed."""
        try:
            async with asyncio.timeout(self._parts.settings.inspection_timeout_s) as work.patience:
                return await self._fetch(graph)
        except TimeoutError:
            if work.stop.is_set():
                raise RunCancelled("the inspection was cancelled") from None
            raise
        finally:
            work.patience = None

    async def _fetch(self, graph: Graph) -> dict[str, bytes]:
        fetched = {}
        for source, image_id in uploads_needed(graph).items():
            try:
                fetched[image_id] = await self._parts.uploads.get(image_id)
            except SourceError as error:
                raise ToolFailed(source, error.message, parameter=error.parameter) from error
        return fetched

    def _access(self) -> SourceAccess:
        settings = self._parts.settings
        return SourceAccess(
            folders=settings.image_folders,
            max_pixels=settings.max_image_pixels,
            hosts=settings.source_hosts,
        )

    async def _announce(self, work: Work) -> None:
        """Say that work has begun; only the result itself must not be lost."""
        try:
            async with asyncio.timeout(_ASIDE_TIMEOUT_S):
                await self._parts.gateway.report(processing(work))
        except (Away, Refused, TimeoutError) as error:
            _log.info("the start of %s was not told: %s", work.assignment.inspection_id, error)

    async def _tell(self, report: ResultReport) -> None:
        """Tell viewers what each tool found, before the result ends their stream."""
        found = (report.results or {}).get("tools", {})
        events = [
            NodeEvent(
                inspection_id=report.inspection_id,
                machine_id=report.machine_id,
                type="tool_result",
                timestamp=datetime.now(UTC),
                data={"tool": tool, **own},
            )
            for tool, own in found.items()
        ]
        if not events:
            return
        try:
            async with asyncio.timeout(_ASIDE_TIMEOUT_S):
                await self._parts.gateway.publish(events)
        except (Away, Refused, TimeoutError) as error:
            _log.info("viewers of %s were not told: %s", report.inspection_id, error)

    def _remove(self, work: Work) -> None:
        if self._works.get(work.assignment.inspection_id) is work:
            del self._works[work.assignment.inspection_id]
            self._parts.admission.end(work.assignment.inspection_id)
        self._note()

    def _note(self) -> None:
        RUNNING.set(self.running)
        STREAM_THREADS.set(self._parts.admission.stream_threads)
        if self._works:
            self._idle.clear()
        else:
            self._idle.set()
        self.changed()
