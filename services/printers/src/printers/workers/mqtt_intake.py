"""Messages of the OctoPrint-MQTT plug-in, from the MQTT door by way of NATS.

Temperatures come every second from every printer; what is stored is their latest, every so often,
and each turn of a print at once. A message is acknowledged after the commit of what it became.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from random import random
from typing import Final

import nats.errors
from nats.js.errors import APIError, NotFoundError

from common.bus import Bus
from common.loops import PASSING
from common.mailboxes import PRINTERS, Message, listen_unkept, open_mailbox
from printers import metrics
from printers.bridges.octoprint_mqtt import is_last_will, read
from printers.reports import Report
from printers.service.hearing import Hearing
from printers.settings import Settings
from printers.throttle import Throttle

_BATCH: Final = 512
_LANES: Final = 8
_MOST_UNKEPT: Final = 10_000
_MOST_PRINTERS: Final = 10_000
_RETRY_S: Final = 0.5
_FLUSH_S: Final = 1.0
_REDELIVER_S: Final = 2.0
_log = logging.getLogger("mqtt")


@dataclass(slots=True)
class _Printer:
    """What waits of one printer, and the messages that it came in."""

    throttle: Throttle
    unsettled: list[Message] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MqttIntake:
    """Turns messages into reports."""

    def __init__(self, settings: Settings, *, bus: Bus, hearing: Hearing) -> None:
        self._settings = settings
        self._bus = bus
        self._hearing = hearing
        self._printers: dict[str, _Printer] = {}
        self._unkept: asyncio.Queue[Message] = asyncio.Queue(_MOST_UNKEPT)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._bus.wait_connected()
        await self._listen()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._empty())
            tasks.create_task(self._flush_for_ever())
            for _ in range(_LANES):
                tasks.create_task(self._take_unkept())

    async def _listen(self) -> None:
        while True:
            try:
                await listen_unkept(self._bus, PRINTERS, self._put)
            except (nats.errors.Error, OSError) as error:
                _log.info("NATS is not ready yet: %r", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _put(self, message: Message) -> None:
        try:
            self._unkept.put_nowait(message)
        except asyncio.QueueFull:
            metrics.MESSAGES.labels("dropped").inc()  # QoS 0 promises no more

    async def _take_unkept(self) -> None:
        while True:
            await self._take(await self._unkept.get())

    async def _empty(self) -> None:
        while True:
            try:
                async for batch in open_mailbox(self._bus, PRINTERS, batch=_BATCH):
                    for message in batch:
                        await self._take(message)
            except NotFoundError:
                # The MQTT door makes the mailbox before it takes anybody in.
                await asyncio.sleep(_RETRY_S)
            except (nats.errors.Error, APIError, OSError, TimeoutError) as error:
                _log.warning("the mailbox cannot be read: %r", error)
                await asyncio.sleep(_RETRY_S)

    async def _take(self, message: Message) -> None:
        report = read(message.topic, message.payload, at=message.received_at)
        if report is None or len(self._printers) >= _MOST_PRINTERS:
            metrics.MESSAGES.labels("ignored").inc()
            await self._settle([message], is_done=True)
            return
        printer = self._printers.get(message.identity)
        if printer is None:
            # After a restart all printers speak within a second; their reports are spread.
            least_s = self._settings.printer_mqtt_report_s
            printer = _Printer(Throttle(least_s, stored_at=time.monotonic() - least_s * random()))
            self._printers[message.identity] = printer
        async with printer.lock:
            printer.unsettled.append(message)
            due = printer.throttle.take(report)
            if due:
                await self._store(message.identity, printer, due)
        if is_last_will(message.topic, message.payload):
            await self._note_gone(message.identity)

    async def _store(self, printer_id: str, printer: _Printer, due: list[Report]) -> None:
        unsettled, printer.unsettled = printer.unsettled, []
        try:
            for report in due:
                await self._hearing.hear(printer_id, report, driver="mqtt")
        except PASSING as error:
            _log.warning("messages of %s are not stored yet: %r", printer_id, error)
            metrics.MESSAGES.labels("returned").inc(len(unsettled))
            await self._settle(unsettled, is_done=False)
        except Exception:
            # A message that breaks us must not come again for ever, nor stop the others.
            _log.exception("messages of %s cannot be stored", printer_id)
            await self._settle(unsettled, is_done=True)
        else:
            metrics.MESSAGES.labels("stored").inc(len(unsettled))
            await self._settle(unsettled, is_done=True)

    async def _flush_for_ever(self) -> None:
        """Store what waits of printers that have said no more."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            now = time.monotonic()
            for printer_id, printer in list(self._printers.items()):
                async with printer.lock:
                    due = printer.throttle.due(now)
                    if due is not None:
                        await self._store(printer_id, printer, [due])

    async def _note_gone(self, printer_id: str) -> None:
        try:
            await self._hearing.link(printer_id, "unreachable", "the printer's MQTT client is gone")
        except PASSING as error:
            _log.warning("the link of %s is not noted: %r", printer_id, error)

    async def _settle(self, messages: list[Message], *, is_done: bool) -> None:
        try:
            for message in messages:
                if is_done:
                    await message.acknowledge()
                else:
                    await message.return_to_sender(_REDELIVER_S)
        except (nats.errors.Error, OSError) as error:
            # It is delivered again; a report that is stored twice changes nothing.
            _log.debug("a message could not be settled: %r", error)
