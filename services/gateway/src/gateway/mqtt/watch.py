"""Keeps the door in step with the mesh: mailboxes before clients, and revocations at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote, urlsplit

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.js.errors import APIError

from common.bus import Bus
from common.mailboxes import ensure_mailboxes
from gateway.mqtt.connect import LEVEL_311, Connect, write_connect
from gateway.mqtt.door import Door
from gateway.mqtt.identities import Identity
from gateway.mqtt.settings import DoorSettings

_RETRY_S: Final = 0.5
_POLL_S: Final = 0.5
_RECHECK_EVERY_S: Final = 300.0
_TIMEOUT_S: Final = 5.0
_MOST_WAITING: Final = 10_000
# Who revokes publishes one of these, with the id as `public_id` or `printer_id`.
_DEVICE_SUBJECTS: Final = ("gemba.device.token_revoked.*", "gemba.device.removed.*")
_PRINTER_SUBJECTS: Final = ("gemba.printer.key_revoked.*", "gemba.printer.removed.*")
_log = logging.getLogger("mqtt")


class Watch:
    """Hears of revocations; after every break it asks about all who are connected."""

    def __init__(self, settings: DoorSettings, bus: Bus, door: Door) -> None:
        self._settings = settings
        self._bus = bus
        self._door = door
        # Who to ask about, and whether they go when nobody answers.
        self._suspects: asyncio.Queue[tuple[Identity, bool]] = asyncio.Queue(_MOST_WAITING)

    async def prepare(self) -> None:
        """Wait for NATS, make the mailboxes, and hear of revocations from now on."""
        await self._bus.wait_connected()
        await self._until_done(self._ensure)
        await self._until_done(self._subscribe)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recheck_suspects())
            tasks.create_task(self._follow_connection())
            tasks.create_task(self._recheck_all_slowly())

    async def _ensure(self) -> None:
        await greet_nats(self._settings)
        await ensure_mailboxes(self._bus.jetstream)

    async def _subscribe(self) -> None:
        for subjects, hear in (
            (_DEVICE_SUBJECTS, self._device_revoked),
            (_PRINTER_SUBJECTS, self._printer_revoked),
        ):
            for subject in subjects:
                await self._bus.client.subscribe(subject, cb=hear)

    async def _device_revoked(self, message: Msg) -> None:
        await self._suspects.put((Identity("device", _id_in(message, "public_id")), True))

    async def _printer_revoked(self, message: Msg) -> None:
        await self._suspects.put((Identity("printer", _id_in(message, "printer_id")), True))

    async def _recheck_suspects(self) -> None:
        while True:
            identity, must_prove = await self._suspects.get()
            await self._door.recheck(identity, must_prove=must_prove)

    async def _follow_connection(self) -> None:
        was_connected = True
        while True:
            await asyncio.sleep(_POLL_S)
            is_connected = self._bus.is_connected
            if is_connected and not was_connected:
                await self._until_done(self._ensure)
                for identity in self._door.identities:
                    await self._suspects.put((identity, False))
            was_connected = is_connected

    async def _recheck_all_slowly(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK_EVERY_S)
            identities = self._door.identities
            for identity in identities:
                await self._suspects.put((identity, False))
                await asyncio.sleep(_RECHECK_EVERY_S / len(identities))

    async def _until_done(self, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await job()
            except (OSError, TimeoutError, nats.errors.Error, APIError, EOFError) as error:
                _log.info("NATS is not ready yet: %r", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return


def _id_in(message: Msg, field: str) -> str:
    try:
        content = orjson.loads(message.data)
    except orjson.JSONDecodeError:
        content = {}
    found = content.get(field) if isinstance(content, dict) else None
    return str(found or message.subject.rsplit(".", 1)[-1])


async def greet_nats(settings: DoorSettings) -> None:
    """Connect once as an MQTT client, so that NATS makes its streams.

    Raises:
        OSError, EOFError, TimeoutError: the listener does not answer.
    """
    url = urlsplit(settings.nats_mqtt_url.get_secret_value())
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(
            url.hostname or "127.0.0.1", url.port or 1883
        )
        try:
            hello = Connect(LEVEL_311, "", True, 10, None, None, None)
            writer.write(
                write_connect(
                    hello,
                    client_id="gemba-mqtt-door",
                    will_topic=b"",
                    user=unquote(url.username or ""),
                    password=unquote(url.password or ""),
                )
            )
            answer = await reader.readexactly(4)
            if answer[3] != 0:
                raise ConnectionRefusedError(f"NATS refuses the door: {answer[3]}")
            writer.write(b"\xe0\x00")
            await writer.drain()
        finally:
            writer.close()
