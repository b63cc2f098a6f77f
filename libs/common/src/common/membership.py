"""A process as a member of the mesh: it says that it lives, ships its logs, obeys settings.

One of the processes of a host, the one that started first, samples the host for all of them.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import nats.errors
import orjson
from nats.aio.msg import Msg
from pydantic import ValidationError

from common.asgi import request_totals
from common.bus import Bus, subject
from common.hosts import HostSampler
from common.schemas.mesh import (
    BEACON_EVERY_S,
    BEACON_SUBJECT,
    DROPPED_HEADER,
    LOGS_SUBJECT,
    TUNING_SUBJECT,
    Beacon,
    Traffic,
    Tuning,
)
from common.serve import VERSION
from common.settings import ServiceSettings
from common.shipping import LogBuffer

_SHIP_EVERY_S: Final = 0.25
_BATCH_BYTES: Final = 256 * 1024
_CHECK_S: Final = 1.5
_SILENT_S: Final = 3 * BEACON_EVERY_S
_LEAVE_S: Final = 1.0
_log = logging.getLogger("membership")

Check = Callable[[], Awaitable[str]]
Seniority = tuple[float, str]


def token(name: str) -> str:
    """A name as one part of a subject."""
    return subject("x", "x", name).removeprefix("gemba.x.x.")


class Membership:
    """Runs beside the app for as long as it lives."""

    def __init__(
        self,
        settings: ServiceSettings,
        bus: Bus,
        *,
        service: str,
        checks: Mapping[str, Check],
    ) -> None:
        self._bus = bus
        self._checks = checks
        self._node = settings.node
        self._service = service
        self._started = datetime.now(UTC)
        self._instance = f"{service}-{os.getpid()}-{secrets.token_hex(3)}"
        self._sampler = HostSampler(self._node, settings.data_dir)
        self._buffer = LogBuffer(service)
        self._peers: dict[Seniority, float] = {}
        self._answers: dict[str, str] = {}
        self._totals = (0.0, 0.0, 0.0)
        self._told_at = time.monotonic()
        self._lag_s = 0.0
        self._resample = asyncio.Event()
        self.tuning = Tuning()

    @property
    def instance(self) -> str:
        """This process's name among the replicas of its service."""
        return self._instance

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take part until the block ends, then say goodbye."""
        logging.getLogger().addHandler(self._buffer)
        async with asyncio.TaskGroup() as tasks:
            taking_part = tasks.create_task(self._take_part())
            try:
                yield
            finally:
                taking_part.cancel()
                logging.getLogger().removeHandler(self._buffer)
                with suppress(nats.errors.Error, OSError, TimeoutError):
                    await asyncio.wait_for(self._leave(), _LEAVE_S)

    async def _take_part(self) -> None:
        await self._bus.wait_connected()
        client = self._bus.client
        await client.subscribe(f"{BEACON_SUBJECT}.{token(self._node)}.>", cb=self._on_beacon)
        await client.subscribe(TUNING_SUBJECT, cb=self._on_tuning)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._check_for_ever())
            tasks.create_task(self._beat_for_ever())
            tasks.create_task(self._sample_for_ever())
            tasks.create_task(self._ship_for_ever())

    async def _leave(self) -> None:
        if not self._bus.is_connected:
            return
        await self._ship()
        await self._send(f"{BEACON_SUBJECT}.{self._address}", self._beacon(is_leaving=True))
        await self._bus.client.flush(timeout=1)

    @property
    def _address(self) -> str:
        return f"{token(self._node)}.{token(self._service)}.{token(self._instance)}"

    async def _check_for_ever(self) -> None:
        while True:
            for name, check in self._checks.items():
                try:
                    async with asyncio.timeout(_CHECK_S):
                        self._answers[name] = await check()
                except TimeoutError:
                    self._answers[name] = "unhealthy: TimeoutError"
            await asyncio.sleep(BEACON_EVERY_S)

    async def _beat_for_ever(self) -> None:
        while True:
            await self._send(f"{BEACON_SUBJECT}.{self._address}", self._beacon())
            due = time.monotonic() + BEACON_EVERY_S
            await asyncio.sleep(BEACON_EVERY_S)
            self._lag_s = max(0.0, time.monotonic() - due)

    def _beacon(self, *, is_leaving: bool = False) -> bytes:
        beacon = Beacon(
            service=self._service,
            instance=self._instance,
            node=self._node,
            version=VERSION,
            pid=os.getpid(),
            started_at=self._started,
            is_leaving=is_leaving,
            checks=dict(self._answers),
            traffic=self._traffic(),
            tuning_version=self.tuning.version,
            dropped_log_lines=self._buffer.dropped,
        )
        return beacon.model_dump_json().encode()

    def _traffic(self) -> Traffic:
        before, self._totals = self._totals, request_totals()
        now = time.monotonic()
        elapsed_s, self._told_at = max(0.001, now - self._told_at), now
        count, total_s, failed = (new - old for new, old in zip(self._totals, before, strict=True))
        return Traffic(
            requests_per_s=round(count / elapsed_s, 3),
            failed_per_s=round(failed / elapsed_s, 3),
            latency_ms=round(1000 * total_s / count, 3) if count else None,
            loop_lag_ms=round(1000 * self._lag_s, 1),
        )

    async def _on_beacon(self, message: Msg) -> None:
        with suppress(ValidationError):
            beacon = Beacon.model_validate_json(message.data)
            seniority = (beacon.started_at.timestamp(), beacon.instance)
            if beacon.is_leaving:
                self._peers.pop(seniority, None)
            else:
                self._peers[seniority] = time.monotonic()

    def _is_sampler(self) -> bool:
        """True for the oldest process of this host that lives."""
        old = time.monotonic() - _SILENT_S
        self._peers = {who: at for who, at in self._peers.items() if at > old}
        own = (self._started.timestamp(), self._instance)
        return all(own <= peer for peer in self._peers)

    async def _sample_for_ever(self) -> None:
        await asyncio.to_thread(self._sampler.prime)
        # Long enough to have heard who else is on this host.
        await asyncio.sleep(BEACON_EVERY_S + 0.5)
        while True:
            if self._is_sampler():
                sample = await asyncio.to_thread(self._sampler.sample)
                await self._bus.publish(subject("system", "sample", self._node), sample)
            self._resample.clear()
            with suppress(TimeoutError):
                pause_s = float(self.tuning.sampling_interval_seconds)
                await asyncio.wait_for(self._resample.wait(), pause_s)

    async def _on_tuning(self, message: Msg) -> None:
        try:
            tuning = Tuning.model_validate_json(message.data)
        except ValidationError as error:
            _log.warning("settings that cannot be read: %s", error)
            return
        if tuning.version > self.tuning.version:
            self.obey(tuning)

    def obey(self, tuning: Tuning) -> None:
        """Take over settings at once."""
        self.tuning = tuning
        if tuning.log_level is not None:
            logging.getLogger().setLevel(tuning.log_level)
        self._resample.set()

    async def _ship_for_ever(self) -> None:
        while True:
            if self._bus.is_connected:
                await self._ship()
            await asyncio.sleep(_SHIP_EVERY_S)

    async def _ship(self) -> None:
        while True:
            lines, dropped = self._buffer.take(_BATCH_BYTES)
            if not lines and not dropped:
                return
            to = f"{LOGS_SUBJECT}.{token(self._service)}"
            await ship(self._bus, to, lines=lines, dropped=dropped)
            if not lines:
                return

    async def _send(self, to: str, payload: bytes) -> None:
        with suppress(nats.errors.Error, OSError):
            await self._bus.client.publish(to, payload)


async def ship(bus: Bus, to: str, *, lines: list[bytes], dropped: int) -> None:
    """Publish lines for the cluster service; what cannot leave is on standard error anyway."""
    with suppress(nats.errors.Error, OSError):
        headers = {DROPPED_HEADER: str(dropped)} if dropped else None
        await bus.client.publish(to, b"\n".join(lines), headers=headers)


async def ship_foreign(
    bus: Bus, component: str, lines: list[dict[str, object]], *, dropped: int = 0
) -> None:
    """Publish the lines of a process that has no bus of its own."""
    encoded = [orjson.dumps(line, default=str) for line in lines]
    await ship(bus, f"{LOGS_SUBJECT}.{token(component)}", lines=encoded, dropped=dropped)
