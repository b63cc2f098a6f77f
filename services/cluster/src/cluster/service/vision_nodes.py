"""Vision nodes as workers, by the orchestrator: it knows what they do and keeps them from work."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cluster.schemas.shapes import WorkerInfo
from cluster.service.crew import Order, OrderFailed, Report, WorkerGone
from cluster.settings import Settings
from common.client import MeshClient
from common.errors import ServiceError, Unavailable

_REMEMBERED_S: Final = 0.5
_POLL_S: Final = 0.3
_PAGE: Final = 100
_MOST_PAGES: Final = 100
_TIMEOUT_S: Final = 5.0
_WORKING: Final = frozenset({"online", "busy"})
Machine = Mapping[str, Any]


class VisionNodes:
    """Asks the orchestrator."""

    kind = "vision-node"

    def __init__(self, settings: Settings, client: MeshClient) -> None:
        self._settings = settings
        self._client = client
        self._base = settings.orchestrator_url.rstrip("/")
        self._last: list[Machine] = []
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def listed(self) -> Sequence[WorkerInfo]:
        """Every node; while the orchestrator is away, as they were, with status `unknown`."""
        async with self._lock:
            if time.monotonic() - self._asked_at < _REMEMBERED_S:
                return [_worker(machine) for machine in self._last]
            try:
                self._last = await self._fetch_all()
            except ServiceError:
                return [_worker({**machine, "status": "unknown"}) for machine in self._last]
            self._asked_at = time.monotonic()
            return [_worker(machine) for machine in self._last]

    async def _fetch_all(self) -> list[Machine]:
        found: list[Machine] = []
        for page in range(1, _MOST_PAGES + 1):
            path = f"/api/v1/machines?page={page}&page_size={_PAGE}"
            answer = await self._ask("GET", path)
            found += answer["results"]
            if not answer["next"]:
                break
        return found

    async def carry_out(self, order: Order, report: Report) -> str:
        """Keep the node from new work, let it finish, then restart it or leave it so."""
        try:
            return await self._carry_out(order, report)
        finally:
            self._asked_at = float("-inf")

    async def _carry_out(self, order: Order, report: Report) -> str:
        machine = await self._machine(order.worker_id)
        before = order.notes.get("registered_at") or machine["registered_at"]
        if machine["status"] == "offline" and not order.notes:
            return await self._offline(order)
        await report("draining", 10, "It takes no new work.", registered_at=before)
        await self._set(order.worker_id, "maintenance")
        left = await self._drained(order, report)
        if order.action == "restart":
            return await self._restarted(order, report, before=before)
        if left:
            await report("stopping", 60, f"{left} inspections are given back.")
            await self._order_restart(order.worker_id, before)
            await self._returned(order.worker_id, before)
        await report("verifying", 90, "Is it out of service?")
        await self._until(
            order.worker_id,
            lambda one: (
                one["status"] in ("maintenance", "offline") and not one["current_inspections"]
            ),
            limit_s=self._settings.return_limit_s,
            why="it did not get out of service",
        )
        return "It is out of service and takes nothing until it is restarted."

    async def _offline(self, order: Order) -> str:
        if order.action == "restart":
            raise OrderFailed("the node is offline: nobody is there to restart")
        await self._set(order.worker_id, "maintenance")
        return "It was offline; should it come back, it takes nothing until it is restarted."

    async def _restarted(self, order: Order, report: Report, *, before: str) -> str:
        worker_id = order.worker_id
        await report("restarting", 50, "It is told to restart.", registered_at=before)
        try:
            await self._order_restart(worker_id, before)
            await report("verifying", 70, "Has a new process taken its place?")
            await self._returned(worker_id, before)
        finally:
            # Whatever became of it: should it come back later, it is meant to work.
            await self._set(worker_id, "online")
        await self._until(
            worker_id,
            lambda one: one["status"] in _WORKING,
            limit_s=self._settings.return_limit_s,
            why="it came back but does not say that it works",
        )
        return "A new process has taken its place and takes work."

    async def _drained(self, order: Order, report: Report) -> int:
        """Wait until it works on nothing that ends by itself, but no longer than the limit.

        What is left is counted: live streams go on elsewhere once the node gives them back.
        """
        until = time.monotonic() + self._settings.drain_limit_s
        told: int | None = None
        while True:
            left = int((await self._machine(order.worker_id))["current_inspections"])
            if not left or time.monotonic() > until or left <= await self._streams(order.worker_id):
                return left
            if left != told:
                await report("draining", 20, f"{left} inspections are under way.")
                told = left
            await asyncio.sleep(_POLL_S)

    async def _streams(self, worker_id: str) -> int:
        """How many live streams the node works on."""
        path = f"/api/v1/inspections?machine_id={worker_id}&status=processing&page_size={_PAGE}"
        answer = await self._ask("GET", path)
        return sum(bool(one.get("is_continuous")) for one in answer["results"])

    async def _returned(self, worker_id: str, before: str) -> None:
        await self._until(
            worker_id,
            lambda one: one["registered_at"] != before,
            limit_s=self._settings.return_limit_s,
            why="it did not come back; is it run by something that starts it again?",
        )

    async def _until(
        self, worker_id: str, is_so: Callable[[Machine], bool], *, limit_s: float, why: str
    ) -> None:
        deadline = time.monotonic() + limit_s
        while True:
            try:
                if is_so(await self._machine(worker_id)):
                    return
            except Unavailable:
                pass  # the orchestrator may be restarting itself; the limit holds all the same
            if time.monotonic() > deadline:
                raise OrderFailed(f"{why} (waited {limit_s:g} s)")
            await asyncio.sleep(_POLL_S)

    async def _machine(self, worker_id: str) -> Machine:
        machine: Machine = await self._ask("GET", f"/api/v1/machines/{worker_id}")
        return machine

    async def _set(self, worker_id: str, status: str) -> None:
        await self._ask("PATCH", f"/api/v1/machines/{worker_id}", json={"status": status})
        self._asked_at = float("-inf")

    async def _order_restart(self, worker_id: str, before: str) -> None:
        """Tell it, again while it cannot be reached; one that came back meanwhile need not be."""
        deadline = time.monotonic() + self._settings.return_limit_s
        while (await self._machine(worker_id))["registered_at"] == before:
            try:
                await self._ask("POST", f"/internal/machines/{worker_id}/restart")
            except Unavailable as error:
                if time.monotonic() > deadline:
                    raise OrderFailed("nobody answers at the node's address") from error
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        response = await self._client.request(
            method, self._base + path, timeout_s=_TIMEOUT_S, **more
        )
        if response.status_code == 404:
            raise WorkerGone()
        if response.status_code >= 500:
            raise Unavailable(f"The orchestrator answers {response.status_code}.")
        if response.status_code >= 400:
            raise OrderFailed(f"the orchestrator refuses: {response.text[:300]}")
        return response.json() if response.content else {}


def _worker(machine: Machine) -> WorkerInfo:
    info = machine.get("system_info") or {}
    heard = machine.get("last_heartbeat")
    status = str(machine["status"])
    return WorkerInfo(
        id=machine["id"],
        name=machine["name"],
        kind="vision-node",
        status="stopped" if status == "maintenance" else status,
        address=f"{machine['ip_address']}:{machine['port']}",
        cpu_percent=info.get("cpu_usage"),
        memory_percent=info.get("memory_usage"),
        current_tasks=int(machine["current_inspections"]),
        last_seen=datetime.fromisoformat(heard).astimezone(UTC) if heard else None,
        details={
            "location": machine.get("location", ""),
            "capacity": machine.get("max_concurrent_inspections"),
            "is_available": machine.get("is_available"),
            "hardware": machine.get("hardware_specs") or {},
            "gpu_percent": info.get("gpu_usage"),
            "temperature": info.get("temperature"),
        },
    )
