"""Moves of one inspection from state to state; the row is locked by whoever calls."""

from sqlalchemy import func

from common.errors import Conflict, NotFound, Unprocessable
from common.logs import request_id, traceparent
from common.schemas.vision import PipelineProblem
from orchestrator.models import Inspection
from orchestrator.repository.clock import from_now, seconds
from orchestrator.settings import Settings

FINISHED = frozenset({"completed", "failed", "cancelled"})
RUNNING = frozenset({"assigned", "processing"})


class InspectionGone(NotFound):
    """There is no such inspection."""

    message = "There is no such inspection."
    message_pt = "Inspeção não encontrada."


class IllegalMove(Conflict):
    """The inspection's state does not admit this."""

    def __init__(self, inspection: Inspection, what: str) -> None:
        super().__init__(
            f"An inspection that is {inspection.status} cannot be {what}.",
            details={"status": inspection.status},
        )


class BrokenPipeline(Unprocessable):
    """The pipeline cannot run; tool and parameter of the first problem stand on top."""

    def __init__(self, problems: list[PipelineProblem]) -> None:
        first = problems[0]
        where = ".".join(part for part in (first.tool, first.parameter) if part)
        super().__init__(
            f"The pipeline cannot run: {where}: {first.message}",
            details={
                "tool": first.tool,
                "parameter": first.parameter,
                "errors": [problem.model_dump() for problem in problems],
            },
        )


def enqueue(inspection: Inspection, settings: Settings) -> None:
    """Put an inspection at its place in the queue, with all of its attempts before it."""
    inspection.status = "pending"
    inspection.queued_at = func.now()
    inspection.rank_at = from_now((inspection.priority - 1) * settings.priority_aging_s)
    inspection.attempts_allowed = (inspection.attempt_count or 0) + settings.max_attempts
    inspection.request_id = request_id.get()
    inspection.traceparent = traceparent.get()
    inspection.updated_at = func.now()


def rerank(inspection: Inspection, settings: Settings) -> None:
    """Move a queued inspection to the place of its priority; its waiting time still counts."""
    if inspection.queued_at is not None:
        head_start = seconds((inspection.priority - 1) * settings.priority_aging_s)
        inspection.rank_at = Inspection.queued_at + head_start
    inspection.updated_at = func.now()


def restart(inspection: Inspection, settings: Settings) -> None:
    """Queue a finished inspection anew; its earlier attempts stay as evidence."""
    inspection.machine_id = None
    inspection.lease_token = None
    inspection.lease_expires_at = None
    inspection.assigned_at = None
    inspection.started_at = None
    inspection.completed_at = None
    inspection.dead_at = None
    inspection.results = None
    inspection.error_message = None
    inspection.not_before = None
    inspection.estimated_at = None
    inspection.estimated_wait_s = None
    enqueue(inspection, settings)


def finish(inspection: Inspection, status: str, *, error: str | None = None) -> None:
    """Let an inspection end; its lease ends with it."""
    inspection.status = status
    inspection.completed_at = func.now()
    inspection.updated_at = func.now()
    inspection.error_message = error
    release(inspection)


def release(inspection: Inspection) -> None:
    """End the lease."""
    inspection.lease_token = None
    inspection.lease_expires_at = None
    inspection.updated_at = func.now()
