"""Orders to workers: taken in, carried out step by step, verified, and never twice at once.

An order outlives the replica that took it: whoever finds it without a lease carries it on.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from cluster.models import Operation
from cluster.repository import operations
from cluster.schemas.shapes import Action, OperationInfo, WorkerInfo
from cluster.service.crew import Crew, Order, OrderFailed, OtherOrder, WorkerGone
from common.auth import Principal
from common.db import Database
from common.errors import NotFound, ServiceError

_LEASE_S: Final = 15.0
_RENEW_S: Final = 5.0
_LOOK_S: Final = 1.0
_AT_ONCE: Final = 16
_log = logging.getLogger("audit")


class OperationGone(NotFound):
    """There is no such operation."""

    message = "There is no such operation."


class OrderService:
    """Takes orders and carries them out."""

    def __init__(self, database: Database, crews: Sequence[Crew]) -> None:
        self._database = database
        self._crews = {crew.kind: crew for crew in crews}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()

    async def workers(self) -> list[WorkerInfo]:
        """Every worker of every kind, with the order that is under way for it."""
        listed = await asyncio.gather(*(crew.listed() for crew in self._crews.values()))
        try:
            async with self._database.transaction() as session:
                under_way = await operations.under_way(session)
        except (SQLAlchemyError, OSError, TimeoutError):
            # What the workers do can be told without the database; only our orders cannot.
            under_way = {}
        return [
            worker.model_copy(update={"operation": under_way.get(worker.id)})
            for crew in listed
            for worker in crew
        ]

    async def worker(self, worker_id: str) -> WorkerInfo:
        """One worker.

        Raises:
            WorkerGone: there is none.
        """
        for worker in await self.workers():
            if worker.id == worker_id:
                return worker
        raise WorkerGone()

    async def begin(self, worker_id: str, action: Action, by: Principal) -> str:
        """Take an order, or join the same one that is under way; its id.

        Raises:
            WorkerGone: there is no such worker.
            OtherOrder: the worker is carrying out another order.
        """
        worker = await self.worker(worker_id)
        name = by.subject
        wanted = Operation(
            id=f"op_{secrets.token_hex(8)}",
            worker_id=worker_id,
            kind=worker.kind,
            action=action,
            requested_by=name,
        )
        async with self._database.transaction() as session:
            found = await operations.begin(session, wanted)
            found_id, found_action = found.id, found.action
        if found_action != action:
            raise OtherOrder(details={"operation_id": found_id, "action": found_action})
        verb = "asked for" if found_id == wanted.id else "joined"
        _log.info(
            "%s of worker %s %s by %s",
            action,
            worker_id,
            verb,
            name,
            extra={"operation_id": found_id, "requested_by": name},
        )
        self._news.set()
        return found_id

    async def operation(self, operation_id: str) -> OperationInfo:
        """One order.

        Raises:
            OperationGone: there is none.
        """
        async with self._database.transaction() as session:
            found = await operations.get(session, operation_id)
        if found is None:
            raise OperationGone()
        return _info(found)

    async def operations(self, *, worker_id: str | None, limit: int) -> list[OperationInfo]:
        """Orders, newest first."""
        async with self._database.transaction() as session:
            rows = await operations.listed(session, worker_id=worker_id, limit=limit)
        return [_info(row) for row in rows]

    async def look(self, tasks: asyncio.TaskGroup) -> None:
        """Take up orders that nobody carries on."""
        room = _AT_ONCE - len(self._under_way)
        if room > 0:
            async with self._database.transaction() as session:
                found = await operations.lease(session, most=room, lease_s=_LEASE_S)
            for operation_id in found:
                self._under_way[operation_id] = tasks.create_task(self._hold(operation_id))
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), _LOOK_S)
        except TimeoutError:
            return

    def stop(self) -> None:
        """Leave what is under way to another replica, or to our next start."""
        for task in list(self._under_way.values()):
            task.cancel()

    async def _hold(self, operation_id: str) -> None:
        """Carry an order out while its lease is renewed; a stop of ours leaves it to others."""
        carrying = asyncio.create_task(self._carry(operation_id))
        try:
            while not carrying.done():
                await asyncio.wait({carrying}, timeout=_RENEW_S)
                if not carrying.done():
                    await self._renew(operation_id)
            if (error := carrying.exception()) is not None:
                _log.error("operation %s broke off", operation_id, exc_info=error)
        finally:
            carrying.cancel()
            self._under_way.pop(operation_id, None)

    async def _renew(self, operation_id: str) -> None:
        try:
            async with self._database.transaction() as session:
                await operations.renew(session, operation_id, lease_s=_LEASE_S)
        except Exception as error:
            # The lease may run out then; whoever takes over goes on where we were.
            _log.warning("operation %s: its lease was not renewed: %r", operation_id, error)

    async def _carry(self, operation_id: str) -> None:
        async with self._database.transaction() as session:
            found = await operations.get(session, operation_id)
        if found is None or found.completed_at is not None:
            return
        notes: dict[str, Any] = dict(found.notes)

        async def report(status: str, progress: int, message: str, /, **more: Any) -> None:
            notes.update(more)
            values = {"status": status, "progress": progress, "message": message, "notes": notes}
            await self._advance(operation_id, values)

        order = Order(operation_id, found.worker_id, _action(found.action), dict(notes))
        try:
            done = await self._crews[found.kind].carry_out(order, report)
        except OrderFailed as error:
            await self._end(found, "failed", str(error))
        except ServiceError as error:
            await self._end(found, "failed", error.message)
        else:
            await self._end(found, "completed", done)

    async def _end(self, operation: Operation, status: str, text: str) -> None:
        values: dict[str, Any] = {
            "status": status,
            "completed_at": datetime.now(UTC),
            "message": text,
        }
        if status == "completed":
            values["progress"] = 100
        else:
            values["error"] = text
        await self._advance(operation.id, values)
        _log.info(
            "%s of worker %s %s: %s",
            operation.action,
            operation.worker_id,
            status,
            text,
            extra={"operation_id": operation.id, "requested_by": operation.requested_by},
        )

    async def _advance(self, operation_id: str, values: dict[str, Any]) -> None:
        async with self._database.transaction() as session:
            await operations.advance(session, operation_id, values)


def _action(text: str) -> Action:
    return "restart" if text == "restart" else "stop"


def _info(row: Operation) -> OperationInfo:
    return OperationInfo(
        operation_id=row.id,
        worker_id=row.worker_id,
        kind=row.kind,
        action=_action(row.action),
        status=row.status,
        progress=row.progress,
        message=row.message,
        error=row.error,
        requested_by=row.requested_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
    )
