"""Reads the bus from where it was left: samples, machines, and every service's alerts."""

import asyncio
import logging
import time
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from cluster.gathering import told_of
from cluster.repository import places
from cluster.service.alerts import SOURCE, AlertBook
from cluster.service.hosts import HostService, sample_of_machine
from cluster.service.watch import Watch
from cluster.workers.leading import Leadership
from common.bus import Bus, Event, Resync
from common.db import Database
from common.schemas.mesh import HostSample

SUBJECTS: Final = ("gemba.system.sample.*", "gemba.machine.status.*", "gemba.alert.>")
_CURSOR: Final = "gathering"
_RETRY_S: Final = 0.5
_NOTE_S: Final = 2.0
_MOST_UNKEPT: Final = 1_000
_log = logging.getLogger("gathering")


class Gathering:
    """Every replica knows the newest samples; the one that leads keeps samples and alerts."""

    def __init__(
        self,
        *,
        bus: Bus,
        database: Database,
        watch: Watch,
        hosts: HostService,
        alerts: AlertBook,
        leadership: Leadership,
    ) -> None:
        self._bus = bus
        self._database = database
        self._watch = watch
        self._hosts = hosts
        self._alerts = alerts
        self._leadership = leadership
        self._seq: int | None = None
        self._unkept: list[HostSample] = []
        self._noted_at = 0.0
        self._noted_seq = 0

    async def run(self) -> None:
        """Follow the bus for ever."""
        await self._bus.wait_connected()
        while True:
            try:
                if self._seq is None:
                    self._seq = await self._left_off()
                async for event in self._bus.events(*SUBJECTS, after=self._seq):
                    self._seq = event.seq
                    await self._take(event)
            except Resync:
                _log.warning("what happened while nobody read is no longer retained")
                self._seq = await self._bus.last_seq()
            except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
                _log.warning("the bus cannot be followed: %r", error)
            except SQLAlchemyError as error:
                _log.warning("where to begin is not known yet: %s", type(error).__name__)
            await asyncio.sleep(_RETRY_S)

    async def _left_off(self) -> int:
        async with self._database.transaction() as session:
            kept = await places.cursor(session, _CURSOR)
        newest = await self._bus.last_seq()
        # A bus that was made anew counts from one again.
        return newest if kept is None or kept > newest else kept

    async def _take(self, event: Event) -> None:
        domain = event.subject.split(".")[1]
        if domain == "system":
            try:
                self._sampled(HostSample.model_validate(event.data))
            except ValidationError:
                _log.warning("a sample cannot be read", extra={"subject": event.subject})
        elif domain == "machine":
            self._watch.machine_told(event)
            sample = sample_of_machine(event)
            if sample is not None and sample.node not in self._sampled_hosts():
                self._sampled(sample)
        elif self._leadership.leads and (told := told_of(event)) and told.source != SOURCE:
            await self._alerts.told(told)

    def _sampled_hosts(self) -> set[str]:
        """Hosts that a process with a bus samples; a vision node there need not."""
        return {one.beacon.node for one in self._watch.live()}

    def _sampled(self, sample: HostSample) -> None:
        self._hosts.take(sample)
        if len(self._unkept) < _MOST_UNKEPT:
            self._unkept.append(sample)

    async def keep(self) -> None:
        """Store what has been taken, and how far the bus was read."""
        taken, self._unkept = self._unkept, []
        if not self._leadership.leads:
            return
        try:
            if taken:
                await self._hosts.keep(taken)
            await self._note()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("samples cannot be stored yet: %s", type(error).__name__)
            self._unkept = [*taken, *self._unkept][:_MOST_UNKEPT]

    async def _note(self) -> None:
        seq = self._seq
        if seq is None or seq == self._noted_seq or self._alerts.has_waiting:
            return
        if time.monotonic() - self._noted_at < _NOTE_S:
            return
        async with self._database.transaction() as session:
            await places.move_cursor(session, _CURSOR, seq)
        self._noted_at, self._noted_seq = time.monotonic(), seq
