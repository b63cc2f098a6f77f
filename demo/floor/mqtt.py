"""A publisher of MQTT 3.1.1 with QoS 1, as small as a sensor's own (OASIS, chapter 3)."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

_KEEP_ALIVE_S: Final = 60
_TIMEOUT_S: Final = 15.0
_CONNACK: Final = 0x20
_PUBACK: Final = 0x40


class MqttLine:
    """One connection; `publish` returns once the message is acknowledged."""

    def __init__(self, host: str, port: int, *, user: str, password: str = "") -> None:
        self._address = host, port
        self._user = user
        self._password = password
        self._ids = itertools.cycle(range(1, 0xFFFF))
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @asynccontextmanager
    async def connected(self, *, client_id: str) -> AsyncIterator[None]:
        """Connected for as long as the block lasts.

        Raises:
            OSError: nobody answers, or the credentials are refused.
        """
        async with asyncio.timeout(_TIMEOUT_S):
            self._reader, self._writer = await asyncio.open_connection(*self._address)
            self._writer.write(self._connect(client_id))
            kind, body = await self._read()
        if kind != _CONNACK or body[1] != 0:
            self._writer.close()
            raise ConnectionRefusedError(f"CONNACK {body[1]} for {client_id}")
        try:
            yield
        finally:
            with suppress(OSError):
                self._writer.write(b"\xe0\x00")
                self._writer.close()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 1 and wait for its acknowledgement.

        Raises:
            OSError: the connection is gone.
            TimeoutError: no acknowledgement came.
        """
        packet_id = next(self._ids).to_bytes(2, "big")
        self._writer.write(_packet(0x32, _text(topic) + packet_id + payload))
        async with asyncio.timeout(_TIMEOUT_S):
            while await self._read() != (_PUBACK, packet_id):
                pass

    def _connect(self, client_id: str) -> bytes:
        flags = 0x82 | (0x40 if self._password else 0)
        head = _text("MQTT") + bytes([4, flags]) + _KEEP_ALIVE_S.to_bytes(2, "big")
        password = _text(self._password) if self._password else b""
        return _packet(0x10, head + _text(client_id) + _text(self._user) + password)

    async def _read(self) -> tuple[int, bytes]:
        kind = (await self._reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return kind & 0xF0, await self._reader.readexactly(length)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(kind: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, byte = divmod(length, 128)
        size.append(byte | (0x80 if length else 0))
        if not length:
            return bytes([kind]) + bytes(size) + body
