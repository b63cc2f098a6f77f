"""Dask's workers, by its own client: retired with their data moved away, restarted by nannies.

The client is an extra (`gemba-cluster[dask]`); without `GEMBA_DASK_URL` it is never imported.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cluster.schemas.shapes import DaskStatus, WorkerInfo
from cluster.service.crew import Order, OrderFailed, Report, WorkerGone
from cluster.settings import Settings
from common.errors import Unavailable

_CONNECT_S: Final = 3.0
_ASK_S: Final = 5.0
_POLL_S: Final = 0.3
_DEFAULT_PORT: Final = 8786
_log = logging.getLogger("dask")
Facts = Mapping[str, Any]


class DaskWorkers:
    """Asks the scheduler; connects anew whenever it has gone."""

    kind = "dask"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # The extra may be missing, so its types are not ours to name.
        self._client: Any = None
        self._lock = asyncio.Lock()
        self._last: list[WorkerInfo] = []

    @property
    def port(self) -> int:
        """The scheduler's port."""
        return urlsplit(self._settings.dask_url).port or _DEFAULT_PORT

    async def status(self) -> DaskStatus:
        """Whether the scheduler answers."""
        if not self._settings.dask_url:
            return DaskStatus(status="stopped", port=self.port)
        try:
            await self._workers()
        except Unavailable:
            return DaskStatus(status="stopped", port=self.port)
        return DaskStatus(status="running", port=self.port)

    async def listed(self) -> Sequence[WorkerInfo]:
        """Every worker; while the scheduler is away, as they were, with status `unknown`."""
        if not self._settings.dask_url:
            return []
        try:
            found = await self._workers()
        except Unavailable:
            return [one.model_copy(update={"status": "unknown"}) for one in self._last]
        self._last = [_worker(facts, address) for address, facts in sorted(found.items())]
        return self._last

    async def carry_out(self, order: Order, report: Report) -> str:
        """Retire the worker, or let its nanny start it anew; then look whether it is so."""
        address, facts = await self._find(order.worker_id)
        began = float(order.notes.get("began") or time.time())
        if order.action == "stop":
            await report("draining", 20, "Its data moves to the other workers.", began=began)
            await self._retire(address)
            await report("verifying", 90, "Has it gone?")
            await self._until_gone(order.worker_id)
            return "It has been retired; its data is with the other workers."
        if not facts.get("nanny"):
            raise OrderFailed("the worker has no nanny, so nobody would start it again")
        await report("draining", 20, "It may finish what it computes.", began=began)
        await self._idle(order.worker_id)
        await report("restarting", 50, "Its nanny starts it anew.")
        client = await self._connected()
        limit_s = self._settings.return_limit_s
        try:
            async with asyncio.timeout(limit_s + _ASK_S):
                await client.restart_workers([address], timeout=limit_s)
        except (TimeoutError, OSError, ValueError) as error:
            raise OrderFailed(f"the worker did not come back: {error}") from error
        await report("verifying", 90, "Has a new process taken its place?")
        await self._until_new(order.worker_id, old=address)
        return "A new process has taken its place."

    async def _retire(self, address: str) -> None:
        client = await self._connected()
        try:
            async with asyncio.timeout(self._settings.drain_limit_s + _ASK_S):
                await client.retire_workers([address], close_workers=True, remove=True)
        except (TimeoutError, OSError) as error:
            raise OrderFailed(f"the scheduler did not retire it: {error!r}") from error

    async def _idle(self, worker_id: str) -> None:
        until = time.monotonic() + self._settings.drain_limit_s
        while time.monotonic() < until:
            _, facts = await self._find(worker_id)
            if not _tasks(facts):
                return
            await asyncio.sleep(_POLL_S)

    async def _until_gone(self, worker_id: str) -> None:
        deadline = time.monotonic() + self._settings.return_limit_s
        while time.monotonic() < deadline:
            if worker_id not in {
                _id(address, one) for address, one in (await self._workers()).items()
            }:
                return
            await asyncio.sleep(_POLL_S)
        raise OrderFailed("the worker is still there")

    async def _until_new(self, worker_id: str, *, old: str) -> None:
        deadline = time.monotonic() + self._settings.return_limit_s
        while time.monotonic() < deadline:
            for address, facts in (await self._workers()).items():
                if _id(address, facts) == worker_id and address != old:
                    return
            await asyncio.sleep(_POLL_S)
        raise OrderFailed("the worker did not come back")

    async def _find(self, worker_id: str) -> tuple[str, Facts]:
        for address, facts in (await self._workers()).items():
            if _id(address, facts) == worker_id:
                return address, facts
        raise WorkerGone()

    async def _workers(self) -> Mapping[str, Facts]:
        client = await self._connected()
        try:
            async with asyncio.timeout(_ASK_S):
                identity = await client.scheduler.identity(n_workers=-1)
        except (OSError, TimeoutError) as error:
            await self.close()
            raise Unavailable("The Dask scheduler does not answer.") from error
        found: Mapping[str, Facts] = identity["workers"]
        return found

    async def _connected(self) -> Any:
        async with self._lock:
            if self._client is not None and self._client.status == "running":
                return self._client
            await self._drop()
            try:
                from distributed import Client
            except ImportError as error:
                _log.error("GEMBA_DASK_URL is set, but gemba-cluster[dask] is not installed")
                raise Unavailable("The Dask client is not installed.") from error
            make: Any = Client
            client = make(
                self._settings.dask_url,
                asynchronous=True,
                set_as_default=False,
                timeout=_CONNECT_S,
            )
            try:
                async with asyncio.timeout(_CONNECT_S + 1):
                    await client
            except (OSError, TimeoutError) as error:
                raise Unavailable("The Dask scheduler does not answer.") from error
            self._client = client
            return client

    async def close(self) -> None:
        """Let the scheduler go."""
        async with self._lock:
            await self._drop()

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    await client.close()
            except (OSError, TimeoutError) as error:
                _log.info("the scheduler was let go hard: %r", error)


def _id(address: str, facts: Facts) -> str:
    """The same after a restart: the nanny stays where the worker's own address changes."""
    place = facts.get("nanny") or address
    return f"dask_{hashlib.sha256(str(place).encode()).hexdigest()[:12]}"


def _tasks(facts: Facts) -> int:
    metrics = facts.get("metrics") or {}
    counts = metrics.get("task_counts") or {}
    return int(counts.get("executing", metrics.get("executing", 0)) or 0)


def _worker(facts: Facts, address: str) -> WorkerInfo:
    metrics = facts.get("metrics") or {}
    limit = facts.get("memory_limit") or 0
    used = metrics.get("memory")
    seen = facts.get("last_seen")
    return WorkerInfo(
        id=_id(address, facts),
        name=str(facts.get("name") or facts.get("id") or address),
        kind="dask",
        status=str(facts.get("status") or "running"),
        address=address,
        cpu_percent=metrics.get("cpu"),
        memory_percent=round(100.0 * used / limit, 1) if used is not None and limit else None,
        current_tasks=_tasks(facts),
        last_seen=datetime.fromtimestamp(seen, UTC) if seen else None,
        details={
            "threads": facts.get("nthreads"),
            "memory_limit_bytes": limit or None,
            "nanny": facts.get("nanny"),
            "host": facts.get("host"),
        },
    )
