"""The machine in the orchestrator's eyes: registration, heartbeats, and what they answer."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from common.schemas.vision import (
    Heartbeat,
    HeartbeatReceipt,
    HeldLease,
    MachineRegistration,
    MachineStatus,
    StatusUpdate,
)
from vision_node.gateway import Away, Gateway, Refused
from vision_node.runtime.backoff import pauses
from vision_node.runtime.delivery import Delivery
from vision_node.runtime.inspections import Inspections
from vision_node.system import system_info

_STATUS_GAP_S = 0.1
_MISSED_BEATS = 3
_log = logging.getLogger("presence")


class Presence:
    """Keeps the machine registered and its leases renewed for as long as `run` runs."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        inspections: Inspections,
        delivery: Delivery,
        interval_s: float,
        data_dir: Path,
        node: str,
        random: Random,
    ) -> None:
        self._gateway = gateway
        self._inspections = inspections
        self._delivery = delivery
        self._interval_s = interval_s
        self._data_dir = data_dir
        self._node = node
        self._random = random
        self._changed = asyncio.Event()
        # What is told of this machine is told in order: after the last word comes no other.
        self._line = asyncio.Lock()
        self._is_leaving = False
        self._reported = 0
        self._heard_at: float | None = None
        inspections.changed = self._changed.set

    @property
    def is_known(self) -> bool:
        """The orchestrator has answered a heartbeat lately."""
        if self._heard_at is None:
            return False
        silence_s = asyncio.get_running_loop().time() - self._heard_at
        return silence_s < _MISSED_BEATS * self._interval_s

    async def run(self, machine: MachineRegistration) -> None:
        """Register, beat, and register again should the machine have been deleted."""
        while not self._is_leaving:
            self._inspections.machine_id = await self._register(machine)
            _log.info("registered as %s", self._inspections.machine_id)
            await self._beat_while_known()

    async def leave(self, patience_s: float) -> None:
        """Give back every lease at once: the last heartbeat."""
        self._is_leaving = True
        with suppress(Away, Refused, TimeoutError):
            async with asyncio.timeout(patience_s), self._line:
                await self._beat("offline", [])

    async def _register(self, machine: MachineRegistration) -> str:
        for pause_s in pauses(self._random):
            try:
                return await self._gateway.register(machine)
            except (Away, Refused) as error:
                level = logging.ERROR if isinstance(error, Refused) else logging.WARNING
                _log.log(level, "not registered, again in %.1f s: %s", pause_s, error)
            await asyncio.sleep(pause_s)
        raise AssertionError("pauses never end")

    async def _beat_while_known(self) -> None:
        trouble = pauses(self._random, limit_s=self._interval_s)
        while not self._is_leaving:
            try:
                await self._beat_once()
            except Refused as error:
                if error.status == 404:
                    _log.warning("the orchestrator does not know this machine any more")
                    return
                _log.error("heartbeat refused: %s", error)
                await asyncio.sleep(self._interval_s)
                continue
            except Away as error:
                pause_s = next(trouble)
                _log.warning("no heartbeat, again in %.1f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                continue
            trouble = pauses(self._random, limit_s=self._interval_s)
            await self._report_changes_until_next_beat()

    async def _beat_once(self) -> None:
        async with self._line:
            if self._is_leaving:
                return
            held = [*self._inspections.held_leases(), *self._delivery.held_leases()]
            receipt = await self._beat(self._status(), held)
        if receipt.log_level is not None:
            logging.getLogger().setLevel(receipt.log_level)
        tokens = {lease.inspection_id: lease.token for lease in held}
        for inspection_id in receipt.cancelled:
            self._inspections.cancel(inspection_id)
        for inspection_id in receipt.lost:
            # Only the lease that was asked about: a newer one may have come meanwhile.
            if (token := tokens.get(inspection_id)) is not None:
                self._inspections.lose(inspection_id, token)

    async def _beat(self, status: MachineStatus, held: list[HeldLease]) -> HeartbeatReceipt:
        running = self._inspections.running
        heartbeat = Heartbeat(
            machine_id=self._inspections.machine_id or "unregistered",
            status=status,
            system_info=system_info(self._data_dir, node=self._node),
            performance_metrics=self._inspections.throughput.figures(),
            timestamp=datetime.now(UTC),
            current_inspections=running,
            leases=held[:1000],
        )
        receipt = await self._gateway.beat(heartbeat)
        self._reported = running
        self._heard_at = asyncio.get_running_loop().time()
        return receipt

    async def _report_changes_until_next_beat(self) -> None:
        """Between beats, say when less is running than was told: the room is free now."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    if self._inspections.running < self._reported:
                        await self._update_status()
                    await asyncio.sleep(_STATUS_GAP_S)

    async def _update_status(self) -> None:
        async with self._line:
            if self._is_leaving:
                return
            running = self._inspections.running
            update = StatusUpdate(
                machine_id=self._inspections.machine_id or "unregistered",
                status=self._status(),
                current_inspections=running,
                timestamp=datetime.now(UTC),
            )
            with suppress(Away, Refused):
                await self._gateway.update_status(update)
                self._reported = running

    def _status(self) -> MachineStatus:
        return "busy" if self._inspections.is_full else "online"
