"""Brings every result to the orchestrator: kept on disk first, sent until it is acknowledged."""

import asyncio
import logging
from collections.abc import Mapping
from random import Random

from common.logs import request_id, traceparent
from common.schemas.vision import HeldLease, ResultReport
from vision_node.gateway import Away, Gateway, Refused
from vision_node.runtime.backoff import pauses
from vision_node.runtime.metrics import REFUSED, SPOOLED
from vision_node.runtime.spool import Spool, Spooled

SENDERS = 4
_DISK_RETRY_S = 10.0
_log = logging.getLogger("delivery")


class Delivery:
    """The way out for results. An entry leaves the spool when it is acknowledged or refused."""

    def __init__(self, spool: Spool, gateway: Gateway, *, random: Random, max_waiting: int) -> None:
        self._spool = spool
        self._gateway = gateway
        self._random = random
        self._max_waiting = max_waiting
        self._queue: asyncio.Queue[str | Spooled] = asyncio.Queue(maxsize=2 * max_waiting + 1000)
        self._waiting: dict[str, HeldLease | None] = {}
        # By entry, the request and the trace that asked for it; what outlived a crash has none.
        self._origins: dict[str, tuple[str | None, str | None]] = {}
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._disk_failed_at: float | None = None

    async def open(self) -> int:
        """Take up what an earlier life of this node left; says how many results."""
        names = await asyncio.to_thread(self._spool.open)
        for name in names:
            self._note(name, None)
            await self._queue.put(name)
        return len(names)

    @property
    def waiting(self) -> int:
        """Results that are not acknowledged yet."""
        return len(self._waiting)

    @property
    def can_keep(self) -> bool:
        """False while too much waits, or the disk has just refused a result."""
        if len(self._waiting) >= self._max_waiting:
            return False
        failed_at = self._disk_failed_at
        now = asyncio.get_running_loop().time()
        return failed_at is None or now - failed_at > _DISK_RETRY_S

    def held_leases(self) -> list[HeldLease]:
        """The leases whose results are still on their way."""
        return [lease for lease in self._waiting.values() if lease is not None]

    async def keep(self, report: ResultReport, artifacts: Mapping[str, bytes]) -> None:
        """Put a result on the disk and on its way; from memory alone where the disk refuses it."""
        try:
            name = await asyncio.to_thread(self._spool.put, report, artifacts)
        except OSError:
            _log.exception("the result of %s cannot be kept on disk", report.inspection_id)
            self._disk_failed_at = asyncio.get_running_loop().time()
            unkept = Spooled(f"unkept-{report.inspection_id}", report, artifacts)
            self._note(unkept.name, _lease_of(report))
            await self._queue.put(unkept)
            return
        self._origins[name] = request_id.get(), traceparent.get()
        self._note(name, _lease_of(report))
        await self._queue.put(name)

    async def send_forever(self) -> None:
        """Send what waits; several of these run at once."""
        while True:
            waiting = await self._queue.get()
            name = waiting if isinstance(waiting, str) else waiting.name
            entry = waiting
            if isinstance(entry, str):
                loaded = await asyncio.to_thread(self._spool.load, entry)
                if loaded is None:
                    self._forget(name)
                    continue
                entry = loaded
            is_taken = await self._deliver(entry)
            if isinstance(waiting, str):
                await asyncio.to_thread(self._spool.done if is_taken else self._spool.refuse, name)
            self._forget(name)

    async def emptied(self) -> None:
        """Wait until nothing waits; bound it by a timeout."""
        await self._emptied.wait()

    async def _deliver(self, entry: Spooled) -> bool:
        """Send until there is an answer that lasts; says whether it was taken."""
        self._note(entry.name, _lease_of(entry.report))
        of_request, of_trace = self._origins.get(entry.name, (None, None))
        request_id.set(of_request)
        traceparent.set(of_trace)
        for pause_s in pauses(self._random):
            try:
                await self._send(entry)
            except Refused as error:
                REFUSED.inc()
                inspection_id = entry.report.inspection_id
                _log.error("the result of %s is refused for good: %s", inspection_id, error)
                return False
            except Away as error:
                _log.warning("a result waits %.1f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                continue
            return True
        raise AssertionError("pauses never end")

    async def _send(self, entry: Spooled) -> None:
        report = entry.report
        for name, data in entry.artifacts.items():
            try:
                await self._gateway.upload_artifact(report, name=name, data=data)
            except Refused as error:
                _log.warning("artifact %s of %s is refused: %s", name, report.inspection_id, error)
                kept = [part for part in report.artifacts if part.name != name]
                report = report.model_copy(update={"artifacts": kept})
        receipt = await self._gateway.report(report)
        if not receipt.accepted:
            _log.info("the result of %s came too late: %s", report.inspection_id, receipt.status)

    def _note(self, name: str, lease: HeldLease | None) -> None:
        self._waiting[name] = lease
        self._emptied.clear()
        SPOOLED.set(len(self._waiting))

    def _forget(self, name: str) -> None:
        self._waiting.pop(name, None)
        self._origins.pop(name, None)
        if not self._waiting:
            self._emptied.set()
        SPOOLED.set(len(self._waiting))


def _lease_of(report: ResultReport) -> HeldLease | None:
    if report.lease_token is None:
        return None
    return HeldLease(inspection_id=report.inspection_id, token=report.lease_token)
