"""Kinds of workers behind one face: list them, and carry an order out step by step."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cluster.schemas.shapes import Action, WorkerInfo
from common.errors import Conflict, NotFound


class WorkerGone(NotFound):
    """There is no such worker."""

    message = "There is no such worker."


class OtherOrder(Conflict):
    """The worker is carrying out another order."""

    message = "The worker is carrying out another order."


class OrderFailed(Exception):
    """The order cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Order:
    """What is to be done with a worker, and what earlier steps noted."""

    operation_id: str
    worker_id: str
    action: Action
    notes: Mapping[str, Any] = field(default_factory=dict)


class Report(Protocol):
    """Writes down how far an order has come; notes outlive this replica."""

    def __call__(
        self, status: str, progress: int, message: str, /, **notes: Any
    ) -> Awaitable[None]:
        """Write it down."""


class Crew(Protocol):
    """One kind of worker."""

    kind: str

    async def listed(self) -> Sequence[WorkerInfo]:
        """Every worker; those that cannot be asked now as they were last known."""

    async def carry_out(self, order: Order, report: Report) -> str:
        """Do it and verify it; what was done, in words.

        Raises:
            OrderFailed: it could not be done.
            ServiceError: somebody who is needed does not answer.
        """
