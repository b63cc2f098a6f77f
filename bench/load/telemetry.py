"""Readings by MQTT at QoS 1: acknowledged by PUBACK, sent again on the next connection if not."""

import asyncio
import itertools
import struct
import time
from typing import Final, Self
from urllib.parse import urlsplit

import asyncpg

from bench.load.ledger import Verdict, compare
from bench.load.pulse import Pulse
from bench.load.site import TIMEOUT_S, Site
from bench.mqtt import connect, field, packet

_TOPIC: Final = "v1/devices/me/telemetry"
_WINDOW: Final = 20
_STORED_WITHIN_S: Final = 60.0
_VALUES: Final = """
SELECT m.value::bigint AS value FROM devices.measurement m
JOIN devices.series s ON s.id = m.series_id WHERE s.device_id = $1 AND s.metric = 'load'
"""


class Telemetry:
    """One device on one connection; a reading's value is its number."""

    kind = "telemetry (MQTT PUBACK)"

    def __init__(self, site: Site, device_id: int, token: str, *, every_s: float) -> None:
        self._site = site
        self._device_id = device_id
        self._token = token
        self._every_s = every_s
        self._numbers = itertools.count(1)
        self._unacknowledged: dict[int, tuple[float, bytes]] = {}
        self._acknowledged: list[int] = []
        self.pulses = [Pulse(self.kind)]

    @classmethod
    async def prepared(cls, site: Site, *, every_s: float = 0.05) -> Self:
        """With a device and a token of its own."""
        device = await site.make("/api/devices/", {"name": "Load by MQTT"})
        answer = await site.make(f"/api/devices/{device['id']}/token/", {})
        return cls(site, device["id"], answer["token"], every_s=every_s)

    async def run(self) -> None:
        """Publish until the end, on one connection after the other."""
        while not self._site.is_over.is_set():
            began = time.monotonic()
            try:
                await self._visit()
            except (OSError, EOFError, TimeoutError) as error:
                self.pulses[0].bad(began, type(error).__name__)
                await self._site.pause(0.2)

    async def _visit(self) -> None:
        port = urlsplit(self._site.mesh.url_of("mqtt")).port
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect("load", self._token))
            answer = await reader.readexactly(4)
        try:
            if answer[3] != 0:
                raise ConnectionRefusedError(f"CONNACK {answer[3]}")
            for identifier, (_, content) in list(self._unacknowledged.items()):
                self._unacknowledged[identifier] = (time.monotonic(), content)
                writer.write(_publish(identifier, content, is_again=True))
            await self._talk(reader, writer)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening = asyncio.create_task(self._listen(reader))
        try:
            while not self._site.is_over.is_set() and not listening.done():
                if len(self._unacknowledged) < _WINDOW:
                    self._send_next(writer)
                    await asyncio.wait_for(writer.drain(), TIMEOUT_S)
                self._demand_answers()
                await self._site.pause(self._every_s)
        finally:
            listening.cancel()
            outcome = (await asyncio.gather(listening, return_exceptions=True))[0]
        if isinstance(outcome, Exception):
            raise outcome

    def _send_next(self, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        content = b'{"ts": %d, "values": {"load": %d}}' % (time.time() * 1000, number)
        self._unacknowledged[number] = (time.monotonic(), content)
        writer.write(_publish(number, content, is_again=False))

    def _demand_answers(self) -> None:
        oldest = min((began for began, _ in self._unacknowledged.values()), default=None)
        if oldest is not None and time.monotonic() - oldest > TIMEOUT_S:
            raise TimeoutError("a message was not acknowledged")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            first, length = await reader.readexactly(2)
            body = await reader.readexactly(length)
            if first != 0x40:
                continue
            wire = struct.unpack("!H", body[:2])[0]
            found = [n for n in self._unacknowledged if n % 65_535 + 1 == wire]
            for number in found:
                began, _ = self._unacknowledged.pop(number)
                self._acknowledged.append(number)
                self.pulses[0].good(began)

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """What was acknowledged against what is stored, once what was on its way has come in."""
        deadline = time.monotonic() + _STORED_WITHIN_S
        while True:
            rows = await database.fetch(_VALUES, self._device_id)
            stored = [row["value"] for row in rows]
            if set(self._acknowledged) <= set(stored) or time.monotonic() > deadline:
                return compare(self.kind, self._acknowledged, stored=stored)
            await asyncio.sleep(0.5)


def _publish(number: int, content: bytes, *, is_again: bool) -> bytes:
    identifier = struct.pack("!H", number % 65_535 + 1)
    return packet(0x3A if is_again else 0x32, field(_TOPIC) + identifier + content)
