"""Messages of the OctoPrint-MQTT plug-in, from the MQTT door by way of NATS.

Temperatures come every second from every printer; what is stored is their latest, every so often,
of all printers that are due in one statement, and each turn of a print at once. A message is
acknowledged after the commit of what it became.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import random
from typing import Final

import nats.errors
from nats.js.errors import APIError, NotFoundError

from common.bus import Bus
from common.loops import PASSING, wait_for
from common.mailboxes import PRINTERS, Message, listen_unkept, open_mailbox
from printers import metrics
from printers.bridges.octoprint_mqtt import read
from printers.reports import PrinterState, Report
from printers.service.hearing import Hearing
from printers.settings import Settings
from printers.throttle import Throttle

_BATCH: Final = 512
_LANES: Final = 8
_MOST_PRINTERS: Final = 10_000
_MOST_WAITING: Final = 256
_MOST_TOGETHER: Final = 64
_RETRY_S: Final = 0.5
_FLUSH_S: Final = 1.0
_GATHER_S: Final = 0.25
# Well before JetStream delivers again what nobody has acknowledged.
_KEPT_S: Final = 2.0
_LONG_S: Final = 3600.0
_REDELIVER_S: Final = 2.0
_log = logging.getLogger("mqtt")


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be stored of a printer, how many messages it came in, and those that are kept.

    `is_urgent` says that this is no mere reading.
    """

    reports: Sequence[Report]
    heard: int
    kept: Sequence[Message]
    is_urgent: bool = False

    @property
    def only(self) -> Report | None:
        """The report, where it may be stored together with other printers'."""
        is_one = len(self.reports) == 1 and not self.reports[0].is_turn
        return self.reports[0] if is_one else None


@dataclass(slots=True)
class _Printer:
    """What waits of one printer; its reports are stored in their order."""

    throttle: Throttle
    state: PrinterState | None = None
    heard: int = 0
    kept: list[Message] = field(default_factory=list)
    due: deque[_Due] = field(default_factory=deque)
    is_busy: bool = False


class MqttIntake:
    """Turns messages into reports."""

    def __init__(self, settings: Settings, *, bus: Bus, hearing: Hearing) -> None:
        self._settings = settings
        self._bus = bus
        self._hearing = hearing
        self._printers: dict[str, _Printer] = {}
        self._ready: dict[str, _Printer] = {}
        self._woken = asyncio.Event()
        self._hurried = asyncio.Event()
        # A printer is in it once at most.
        self._singly: asyncio.Queue[tuple[str, _Printer]] = asyncio.Queue(_MOST_PRINTERS)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._bus.wait_connected()
        await self._listen()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._empty())
            tasks.create_task(self._flush_for_ever())
            tasks.create_task(self._store_together())
            for _ in range(_LANES):
                tasks.create_task(self._store_singly())

    async def _listen(self) -> None:
        while True:
            try:
                await listen_unkept(self._bus, PRINTERS, self._take)
            except (nats.errors.Error, OSError) as error:
                _log.info("NATS is not ready yet: %r", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return

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
        printer = self._printer(message.identity) if report is not None else None
        if report is None or printer is None:
            metrics.MESSAGES.labels("ignored").inc()
            await _settle([message], is_done=True)
            return
        if len(printer.due) >= _MOST_WAITING:
            metrics.MESSAGES.labels("dropped").inc()  # QoS 0 promises no more
            await _settle([message], is_done=False)
            return
        printer.heard += 1
        if message.is_kept:
            printer.kept.append(message)
        is_news = report.is_turn or report.state not in (None, printer.state)
        printer.state = report.state or printer.state
        reports = printer.throttle.take(report)
        if reports:
            self._put(message.identity, printer, reports, is_urgent=is_news)

    def _printer(self, printer_id: str) -> _Printer | None:
        printer = self._printers.get(printer_id)
        if printer is None and len(self._printers) < _MOST_PRINTERS:
            # After a restart all printers speak within a second; their reports are spread.
            least_s = self._settings.printer_mqtt_report_s
            printer = _Printer(Throttle(least_s, stored_at=time.monotonic() - least_s * random()))
            self._printers[printer_id] = printer
        return printer

    def _put(
        self,
        printer_id: str,
        printer: _Printer,
        reports: Sequence[Report],
        *,
        is_urgent: bool = False,
    ) -> None:
        printer.due.append(_Due(reports, printer.heard, printer.kept, is_urgent))
        printer.heard, printer.kept = 0, []
        if not printer.is_busy:
            self._wake(printer_id, printer)

    def _wake(self, printer_id: str, printer: _Printer) -> None:
        self._ready[printer_id] = printer
        self._woken.set()
        if any(due.is_urgent for due in printer.due):
            self._hurried.set()

    async def _flush_for_ever(self) -> None:
        """Have stored what waits of printers that have said no more."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            now = time.monotonic()
            for printer_id, printer in self._printers.items():
                due = printer.throttle.due(now, within_s=_KEPT_S if printer.kept else _LONG_S)
                if due is not None:
                    self._put(printer_id, printer, [due])

    async def _store_together(self) -> None:
        """Store what is ready, of all printers at once where that can be."""
        while True:
            await self._woken.wait()
            await wait_for(self._hurried, _GATHER_S)
            self._woken.clear()
            ready, self._ready = self._ready, {}
            together: dict[str, _Printer] = {}
            for printer_id, printer in ready.items():
                printer.is_busy = True
                if printer.due[0].only is None:
                    self._singly.put_nowait((printer_id, printer))
                else:
                    together[printer_id] = printer
            names = list(together)
            for start in range(0, len(names), _MOST_TOGETHER):
                await self._store({name: together[name] for name in names[start:][:_MOST_TOGETHER]})

    async def _store(self, printers: dict[str, _Printer]) -> None:
        reports = {name: only for name, one in printers.items() if (only := one.due[0].only)}
        outcome = "stored"
        try:
            left = await self._hearing.hear_together(reports, driver="mqtt")
        except PASSING as error:
            _log.warning("reports are not stored yet: %r", error)
            left, outcome = set(), "returned"
        except Exception:
            # One report breaks them all; each by itself shows which.
            _log.exception("reports cannot be stored together")
            left = set(reports)
        for printer_id, printer in printers.items():
            if printer_id in left:
                self._singly.put_nowait((printer_id, printer))
            else:
                await self._done(printer_id, printer, outcome)

    async def _store_singly(self) -> None:
        while True:
            printer_id, printer = await self._singly.get()
            due, outcome = printer.due[0], "stored"
            try:
                for report in due.reports:
                    await self._hearing.hear_in_turn(printer_id, report, driver="mqtt")
            except PASSING as error:
                _log.warning("messages of %s are not stored yet: %r", printer_id, error)
                outcome = "returned"
            except Exception:
                # A message that breaks us must not come again for ever, nor stop the others.
                _log.exception("messages of %s cannot be stored", printer_id)
            await self._done(printer_id, printer, outcome)

    async def _done(self, printer_id: str, printer: _Printer, outcome: str) -> None:
        """Settle what was stored, or was not; then the printer's next has its turn."""
        due = printer.due.popleft()
        metrics.MESSAGES.labels(outcome).inc(due.heard)
        await _settle(due.kept, is_done=outcome == "stored")
        printer.is_busy = False
        if printer.due:
            self._wake(printer_id, printer)


async def _settle(messages: Sequence[Message], *, is_done: bool) -> None:
    try:
        for message in messages:
            if is_done:
                await message.acknowledge()
            else:
                await message.return_to_sender(_REDELIVER_S)
    except (nats.errors.Error, OSError) as error:
        # It is delivered again; a report that is stored twice changes nothing.
        _log.debug("a message could not be settled: %r", error)
