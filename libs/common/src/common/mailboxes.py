"""Messages of MQTT clients on their way to a service: kept by JetStream until they are stored.

NATS acknowledges a QoS 1 message once it is in the stream `$MQTT_msgs`, which keeps it for as long
as a consumer wants it. A mailbox is such a consumer, durable and made before the MQTT door takes
clients in: so what a client was told is received is there until a service acknowledges it, after
its commit. (A stream of our own on the same subjects would be filled a moment after the PUBACK,
and a killed NATS could lose what lies between.) QoS 0 comes by plain subscription, at most once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from common.bus import Bus

MQTT_STREAM: Final = "$MQTT_msgs"
_STORED: Final = "$MQTT.msgs."
_ACK_WAIT_S: Final = 10.0
_MOST_UNDER_WAY: Final = 4_096
_QOS_HEADER: Final = "Nmqtt-Pub"
_MOST_WAITING: Final = 10_000


@dataclass(frozen=True)
class Mailbox:
    """Which messages a service wants; subjects below `gemba.devices` or `gemba.printers`."""

    name: str
    subjects: tuple[str, ...]


DEVICES: Final = Mailbox("gemba-devices", ("gemba.devices.*.telemetry", "gemba.devices.*.senml"))
PRINTERS: Final = Mailbox("gemba-printers", ("gemba.printers.>",))
MAILBOXES: Final = (DEVICES, PRINTERS)


@dataclass(frozen=True, slots=True)
class Message:
    """A client's message: whose, on which of its topics, when NATS received it."""

    identity: str
    topic: str
    payload: bytes
    received_at: datetime
    _message: Msg | None = None

    @property
    def is_kept(self) -> bool:
        """True while JetStream keeps it, and delivers it again until it is acknowledged."""
        return self._message is not None

    async def acknowledge(self) -> None:
        """It has been stored, or never can be."""
        if self._message is not None:
            await self._message.ack()

    async def return_to_sender(self, delay_s: float) -> None:
        """It cannot be stored now: deliver it again after a while."""
        if self._message is not None:
            await self._message.nak(delay=delay_s)


async def ensure_mailboxes(jetstream: JetStreamContext) -> None:
    """Make every mailbox; needs the stream that NATS makes for its first MQTT client.

    Raises:
        NotFoundError: that stream is not there yet.
    """
    for mailbox in MAILBOXES:
        await jetstream.add_consumer(
            MQTT_STREAM,
            ConsumerConfig(
                durable_name=mailbox.name,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=_ACK_WAIT_S,
                max_ack_pending=_MOST_UNDER_WAY,
                filter_subjects=[f"{_STORED}{subject}" for subject in mailbox.subjects],
            ),
        )


async def open_mailbox(bus: Bus, mailbox: Mailbox, *, batch: int) -> AsyncIterator[list[Message]]:
    """Batches of QoS 1 and 2 messages, as long as the connection lasts.

    Raises:
        NotFoundError: the mailbox has not been made yet.
        nats.errors.Error, APIError, OSError: the connection broke; open it again.
    """
    await bus.jetstream.consumer_info(MQTT_STREAM, mailbox.name)
    subscription = await bus.jetstream.pull_subscribe_bind(
        consumer=mailbox.name, stream=MQTT_STREAM
    )
    try:
        while True:
            try:
                found = await subscription.fetch(batch, timeout=5)
            except (nats.errors.TimeoutError, TimeoutError):
                await bus.jetstream.consumer_info(MQTT_STREAM, mailbox.name)
                continue
            yield [_kept(message) for message in found]
    finally:
        with suppress(nats.errors.Error, NotFoundError, APIError, OSError):
            await subscription.unsubscribe()


async def listen_unkept(
    bus: Bus, mailbox: Mailbox, receive: Callable[[Message], Awaitable[None]]
) -> None:
    """Hand over QoS 0 messages as they come; one of the service's replicas gets each."""

    async def take(message: Msg) -> None:
        headers = message.headers or {}
        if not headers.get(_QOS_HEADER, "0").startswith("0"):
            return  # It is in the mailbox as well.
        await receive(_message(message.subject, message.data, datetime.now(UTC), None))

    for subject in mailbox.subjects:
        await bus.client.subscribe(
            subject, queue=mailbox.name, cb=take, pending_msgs_limit=_MOST_WAITING
        )


def _kept(message: Msg) -> Message:
    received_at = message.metadata.timestamp.astimezone(UTC)
    subject = message.subject.removeprefix(_STORED)
    return _message(subject, message.data, received_at, message)


def _message(subject: str, payload: bytes, received_at: datetime, message: Msg | None) -> Message:
    _, _, identity, *levels = subject.split(".")
    topic = unquote("/".join(levels))
    return Message(unquote(identity), topic, payload, received_at, message)
