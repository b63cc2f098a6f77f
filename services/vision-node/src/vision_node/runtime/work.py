"""One inspection in a thread, and what is reported of it: results, or words that say why not."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from common.schemas.vision import ArtifactReport, Assignment, ResultReport
from vision_node.inspecting import Inspected, inspect_once
from vision_node.pipeline.compiler import PipelineError
from vision_node.pipeline.fitting import fit
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.runner import DeadlineExceeded, RunCancelled, Stop, ToolFailed
from vision_node.rendering import encode, render
from vision_node.runtime.metrics import Meters
from vision_node.sources.opening import SourceAccess
from vision_node.tools.image_source import ImageSource

OVERLAY = "overlay.jpg"
_MAX_MESSAGE = 10_000
_log = logging.getLogger("work")


@dataclass(slots=True)
class Work:
    """An accepted assignment; `is_lost` once its lease is gone and nobody wants the result."""

    assignment: Assignment
    accepted_at: float
    kind: str
    stop: threading.Event = field(default_factory=threading.Event)
    patience: asyncio.Timeout | None = None
    is_lost: bool = False
    is_live: bool = False

    def halt(self) -> None:
        """End it soon: before its next tool, or at once while it waits for an upload."""
        self.stop.set()
        if self.patience is not None and not self.patience.expired():
            self.patience.reschedule(0)

    @property
    def token(self) -> str:
        """The lease's fencing token."""
        return self.assignment.lease.token


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report and the artifacts that go with it."""

    report: ResultReport
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


def uploads_needed(graph: Graph) -> dict[str, str]:
    """The id of each source that needs an upload, and the upload that it needs."""
    return {
        step.id: step.tool.image_id
        for step in graph.sources
        if isinstance(step.tool, ImageSource)
        and step.tool.source_type in ("upload", "video")
        and step.tool.image_id is not None
    }


def is_live(graph: Graph) -> bool:
    """One of its sources moves."""
    return any(isinstance(s.tool, ImageSource) and s.tool.is_live for s in graph.sources)


def run_work(
    work: Work, graph: Graph, *, access: SourceAccess, timeout_s: float, meters: Meters
) -> Outcome:
    """Inspect and draw; blocks, for a thread of the pool.

    Raises ToolFailed, RunCancelled or DeadlineExceeded.
    """
    started_at = time.monotonic()
    stop = Stop(work.stop, deadline_s=started_at + timeout_s)
    wait_ms = (started_at - work.accepted_at) * 1000
    inspected = inspect_once(graph, access, stop=stop, wait_ms=wait_ms)
    meters.tools(work.assignment.inspection_type, tool_times(graph, inspected))
    drawn = encode(render(inspected.picture, inspected.overlay))
    part = ArtifactReport(name=OVERLAY, media_type="image/jpeg", size_bytes=len(drawn))
    results = fit(inspected.results)
    report = report_of(work, "completed", results=results, artifacts=[part])
    return Outcome(report, {OVERLAY: drawn})


def tool_times(graph: Graph, inspected: Inspected) -> Iterator[tuple[str, float]]:
    """The name of each tool that ran, and its milliseconds."""
    for step in graph.steps:
        yield step.name, inspected.results["tools"][step.id]["time_ms"]


def processing(work: Work) -> ResultReport:
    """What is reported when work begins."""
    return report_of(work, "processing")


def outcome_of(work: Work, error: Exception) -> Outcome:
    """What is reported of an inspection that came to no result."""
    match error:
        case RunCancelled():
            report = report_of(work, "cancelled", error_message=str(error))
        case ToolFailed():
            where = {"failed_tool": error.tool, "failed_parameter": error.parameter}
            report = report_of(work, "failed", error_message=str(error), results=where)
        case PipelineError():
            problems = [problem.model_dump() for problem in error.problems]
            found = {"problems": problems}
            report = report_of(work, "failed", error_message=str(error), results=found)
        case DeadlineExceeded():
            report = report_of(work, "failed", error_message=str(error))
        case _:
            _log.error("inspection broke", exc_info=error)
            message = f"the node broke on this inspection ({type(error).__name__})"
            report = report_of(work, "failed", error_message=message)
    return Outcome(report)


def report_of(
    work: Work, status: str, *, error_message: str | None = None, **more: Any
) -> ResultReport:
    """A report under the lease of this work."""
    assignment = work.assignment
    return ResultReport.model_validate(
        {
            "machine_id": assignment.machine_id,
            "inspection_id": assignment.inspection_id,
            "status": status,
            "error_message": error_message[:_MAX_MESSAGE] if error_message else None,
            "timestamp": datetime.now(UTC),
            "attempt": assignment.lease.attempt,
            "lease_token": assignment.lease.token,
            **more,
        }
    )
