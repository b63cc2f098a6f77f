"""Messages from the MQTT door: stored first, acknowledged then (idea 7: redelivery adds nothing).

A message without a time gets that of its first arrival at NATS, which redelivery does not change.
"""

import asyncio
import logging
from typing import Final

import nats.errors
from nats.js.errors import APIError, NotFoundError
from prometheus_client import Counter

from common.bus import Bus
from common.errors import BadRequest, NotFound, ServiceError, ValidationFailed
from common.mailboxes import DEVICES, Message, listen_unkept, open_mailbox
from devices.ingest import Ingest

_BATCH: Final = 512
_LANES: Final = 2
_RETRY_S: Final = 0.5
_REDELIVER_S: Final = 1.0
_UNKEPT_WORKERS: Final = 64
_MOST_UNKEPT: Final = 5_000
_MESSAGES: Final = Counter(
    "devices_mqtt_messages_total", "Messages by what became of them.", ["outcome"]
)
_log = logging.getLogger("inbox")


class Inbox:
    """Takes devices' messages out of their mailbox."""

    def __init__(self, bus: Bus, ingest: Ingest) -> None:
        self._bus = bus
        self._ingest = ingest
        self._unkept: asyncio.Queue[Message] = asyncio.Queue(_MOST_UNKEPT)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._bus.wait_connected()
        await self._listen()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_LANES):
                tasks.create_task(self._empty())
            for _ in range(_UNKEPT_WORKERS):
                tasks.create_task(self._store_unkept())

    async def _listen(self) -> None:
        while True:
            try:
                await listen_unkept(self._bus, DEVICES, self._keep_in_mind)
            except (nats.errors.Error, OSError) as error:
                _log.info("NATS is not ready yet: %r", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _keep_in_mind(self, message: Message) -> None:
        try:
            self._unkept.put_nowait(message)
        except asyncio.QueueFull:
            _MESSAGES.labels("dropped").inc()  # QoS 0 promises no more

    async def _store_unkept(self) -> None:
        while True:
            await self._store(await self._unkept.get())

    async def _empty(self) -> None:
        while True:
            try:
                async for batch in open_mailbox(self._bus, DEVICES, batch=_BATCH):
                    await asyncio.gather(*(self._store(message) for message in batch))
            except NotFoundError:
                # The MQTT door makes the mailbox before it takes anybody in.
                await asyncio.sleep(_RETRY_S)
            except (nats.errors.Error, APIError, OSError, TimeoutError) as error:
                _log.warning("the mailbox cannot be read: %r", error)
                await asyncio.sleep(_RETRY_S)

    async def _store(self, message: Message) -> None:
        try:
            await self._ingest.message(
                message.identity,
                message.payload,
                received_at=message.received_at,
                is_senml=message.topic == "senml",
            )
        except (BadRequest, ValidationFailed, NotFound) as error:
            # It would never be otherwise, and MQTT has no way to tell the sender.
            _MESSAGES.labels("refused").inc()
            _log.info("a message cannot be stored: %s", error, extra={"device": message.identity})
            await self._settle(message, is_done=True)
        except ServiceError as error:
            _log.debug("a message comes again later: %s", error)
            _MESSAGES.labels("returned").inc()
            await self._settle(message, is_done=False)
        else:
            _MESSAGES.labels("stored").inc()
            await self._settle(message, is_done=True)

    async def _settle(self, message: Message, *, is_done: bool) -> None:
        try:
            if is_done:
                await message.acknowledge()
            else:
                await message.return_to_sender(_REDELIVER_S)
        except (nats.errors.Error, OSError) as error:
            # It is delivered again, and stored once.
            _log.debug("a message could not be settled: %r", error)
