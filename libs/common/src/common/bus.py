"""The bus: events published to NATS and replayed by JetStream's sequence (`seq`).

Events inform; the database is the truth. So publishing never fails a request: an event that
cannot leave is counted and logged, and a client that reconnects refetches.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import nats
import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError
from prometheus_client import Counter
from pydantic import BaseModel

from common.settings import ServiceSettings

STREAM: Final = "GEMBA_EVENTS"
# Singular nouns are events; the plural mount points `gemba.devices.…` belong to MQTT clients.
DOMAINS: Final = (
    "inspection",
    "machine",
    "tracking",
    "alert",
    "printer",
    "device",
    "service",
    "system",
)
_UNSAFE: Final = re.compile(r"[.*>\s\x00-\x1f\x7f]")
_RETAINED_BYTES: Final = 256 * 1024 * 1024
_RETRY_S: Final = 1.0
_CANCEL_AGAIN_S: Final = 0.1
_REPLAY_BATCH: Final = 256
_DROPPED: Final = Counter("bus_events_dropped_total", "Events that could not be published.")
_log = logging.getLogger("bus")


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was published, with its place in the stream."""

    seq: int
    subject: str
    timestamp: datetime
    data: dict[str, Any]


class Resync(Exception):
    """The events after the asked `seq` are no longer retained: fetch the state anew."""


def subject(domain: str, kind: str, *key: str) -> str:
    """The subject `gemba.<domain>.<kind>[.<key>]`.

    Dots, wildcards, spaces and control characters in keys are replaced: a line break would end the
    subject in NATS's protocol, and begin another command.
    """
    safe = [_UNSAFE.sub("_", part) or "_" for part in key]
    return ".".join(["gemba", domain, kind, *safe])


class Bus:
    """One connection to NATS, kept up for as long as the app lives."""

    def __init__(self, settings: ServiceSettings, *, name: str) -> None:
        self._url = settings.nats_url.get_secret_value()
        self._name = f"gemba-{name}"
        self._replicas = settings.nats_replicas
        self._kept_s = settings.events_kept_s
        self._client = Client()
        self._connected = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """True while NATS answers."""
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """The NATS client itself, for consumers that this module does not cover."""
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream on this connection."""
        return self._client.jetstream(timeout=5)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bus"]:
        """Connect in the background (NATS may start later than we) and close at the end."""
        async with asyncio.TaskGroup() as tasks:
            connecting = tasks.create_task(self._connect())
            try:
                yield self
            finally:
                await _end(connecting)
                with suppress(nats.errors.Error, TimeoutError, OSError):
                    await asyncio.wait_for(self._close(), 3)

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until the first connection stands and the stream exists.

        Raises:
            TimeoutError: it took longer than `timeout` seconds.
        """
        await asyncio.wait_for(self._connected.wait(), timeout)

    async def _close(self) -> None:
        if self._client.is_connected:
            await self._client.flush(timeout=1)
        # One that was never connected has nothing to close.
        if self._client.is_connected or self._client.is_reconnecting:
            await self._client.close()

    async def _connect(self) -> None:
        while True:
            try:
                self._client = await nats.connect(
                    self._url,
                    name=self._name,
                    connect_timeout=2,
                    reconnect_time_wait=0.5,
                    max_reconnect_attempts=-1,
                    allow_reconnect=True,
                    error_cb=_on_error,
                    reconnected_cb=self._ensure_stream,
                )
                await self._ensure_stream()
            except (OSError, nats.errors.Error, APIError, TimeoutError) as error:
                _log.warning("NATS does not answer yet: %r", error)
                with suppress(nats.errors.Error, OSError):
                    await self._client.close()
                await asyncio.sleep(_RETRY_S)
            else:
                self._connected.set()
                return

    async def _ensure_stream(self) -> None:
        config = StreamConfig(
            name=STREAM,
            subjects=[f"gemba.{domain}.>" for domain in DOMAINS],
            max_age=self._kept_s,
            max_bytes=_RETAINED_BYTES,
            discard=DiscardPolicy.OLD,
            num_replicas=self._replicas,
        )
        try:
            await self.jetstream.add_stream(config)
        except APIError:
            await self.jetstream.update_stream(config)

    async def publish(self, to: str, data: BaseModel | dict[str, Any]) -> None:
        """Publish one event; call it after the commit.

        Args:
            to: a subject made by `subject`.
            data: what happened.
        """
        payload = (
            data.model_dump_json().encode() if isinstance(data, BaseModel) else orjson.dumps(data)
        )
        try:
            await self._client.publish(to, payload)
        except (nats.errors.Error, OSError) as error:
            _DROPPED.inc()
            _log.warning("an event could not be published: %r", error, extra={"subject": to})

    async def events(self, *subjects: str, after: int | None = None) -> AsyncIterator[Event]:
        """Events on these subjects, first those retained after `after`, then each as it comes.

        Args:
            subjects: one or more subjects, wildcards allowed.
            after: the last `seq` that was seen; None gives only new events.

        Raises:
            Resync: events after `after` have been dropped by the retention.
        """
        if after is not None:
            await self._refuse_gap(after)
        config = ConsumerConfig(filter_subjects=list(subjects))
        policy = DeliverPolicy.NEW
        if after is not None:
            policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = after + 1
        subscription = await self.jetstream.subscribe(
            subjects[0] if len(subjects) == 1 else "",
            stream=STREAM,
            ordered_consumer=True,
            config=config,
            deliver_policy=policy,
            pending_msgs_limit=10_000,
        )
        try:
            async for message in subscription.messages:
                yield _event_of(message)
        finally:
            with suppress(nats.errors.Error, NotFoundError, OSError):
                await subscription.unsubscribe()

    async def replay(self, *subjects: str, after: int) -> AsyncIterator[Event]:
        """The retained events on these subjects after `after`, as many as there are now.

        Raises:
            Resync: events after `after` have been dropped by the retention.
        """
        await self._refuse_gap(after)
        subscription = await self.jetstream.pull_subscribe(
            subjects[0] if len(subjects) == 1 else "",
            stream=STREAM,
            config=ConsumerConfig(
                filter_subjects=list(subjects),
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=10.0,
                mem_storage=True,
            ),
        )
        try:
            left = (await subscription.consumer_info()).num_pending or 0
            while left > 0:
                for message in await subscription.fetch(min(left, _REPLAY_BATCH), timeout=5):
                    left -= 1
                    yield _event_of(message)
        finally:
            with suppress(nats.errors.Error, NotFoundError, OSError):
                await subscription.unsubscribe()

    async def _refuse_gap(self, after: int) -> None:
        state = (await self.jetstream.stream_info(STREAM)).state
        if after + 1 < state.first_seq or after > state.last_seq:
            raise Resync

    async def last_seq(self) -> int:
        """The `seq` of the newest event, 0 when there is none."""
        return (await self.jetstream.stream_info(STREAM)).state.last_seq


def _event_of(message: Msg) -> Event:
    meta = message.metadata
    return Event(
        seq=meta.sequence.stream,
        subject=message.subject,
        timestamp=meta.timestamp.astimezone(UTC),
        data=orjson.loads(message.data),
    )


async def _end(connecting: "asyncio.Task[None]") -> None:
    """Cancel until it has ended.

    A cancellation is lost in Python 3.11's `wait_for`, by which NATS's client connects, when a
    refusal comes in at the same turn of the loop; that client then tries again for ever.
    """
    while not connecting.done():
        connecting.cancel()
        await asyncio.wait([connecting], timeout=_CANCEL_AGAIN_S)


async def _on_error(error: Exception) -> None:
    _log.warning("bus: %r", error)
