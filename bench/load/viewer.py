"""Somebody who watches everything, and goes on from the last `seq` when the socket breaks."""

import asyncio
import json
import socket
import struct
import time
from typing import Any, Final, Self

import asyncpg
import httpx
import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.load.ledger import Verdict, compare_stream
from bench.load.pulse import Pulse
from bench.load.site import TIMEOUT_S, Site
from common.bus import STREAM

# What may never be dropped for a slow client: the states of inspections.
_WATCHED: Final = "gemba.inspection.status.*"


class Viewer:
    """One browser on `/ws/{client_id}`."""

    kind = "viewer (WebSocket)"

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last = 0
        self._seen: list[int] = []
        self._excused: list[tuple[int, int]] = []
        self._is_resynced = False
        self._socket: ClientConnection | None = None
        self.pulses = [Pulse(self.kind)]

    @classmethod
    async def prepared(cls, site: Site) -> Self:
        """Nothing has to be made."""
        return cls(site)

    async def run(self) -> None:
        """Watch until the end, on one socket after the other."""
        while not self._site.is_over.is_set():
            began = time.monotonic()
            try:
                await self._visit()
            except (OSError, TimeoutError, WebSocketException, httpx.TransportError) as error:
                self.pulses[0].bad(began, type(error).__name__)
            await self._site.pause(0.2)

    async def _visit(self) -> None:
        answer = await self._site.http.get("/auth/csrf-token")
        if answer.status_code != 200:
            raise ConnectionRefusedError(str(answer.status_code))
        root = self._site.mesh.url.replace("http", "ws")
        ticket = answer.json()["csrf_token"]
        url = f"{root}/ws/load?csrf_token={ticket}&after={self._last}"
        async with connect(url, open_timeout=TIMEOUT_S, close_timeout=1) as websocket:
            self._socket = websocket
            while not self._site.is_over.is_set():
                # Something happens several times a second: silence is a broken socket.
                text = await asyncio.wait_for(websocket.recv(), TIMEOUT_S)
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        now = time.monotonic()
        if message["type"] == "resync":
            self._is_resynced = True
            return
        if message.get("topic") in (None, "logs"):
            return
        seq = int(message["seq"])
        if self._is_resynced:
            self._excused.append((self._last, seq))
            self._is_resynced = False
        self._last = max(self._last, seq)
        if message["type"] == "inspection_status":
            self._seen.append(seq)
        self.pulses[0].good(now)

    def cut_in_half(self) -> None:
        """Send half a frame and a reset, as a cable that is pulled at the worst moment."""
        if self._socket is None:
            return
        half = b"\x81\xfe\x01\x00mask" + b"x" * 10
        self._socket.transport.write(half)
        raw = self._socket.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.transport.abort()

    async def compare(self, database: "asyncpg.Connection[asyncpg.Record]") -> Verdict:
        """What came against what the stream holds."""
        stream = await _stream(self._site.mesh.nats_url)
        return compare_stream(self.kind, self._seen, stream=stream, excused=self._excused)


async def _stream(url: str) -> list[int]:
    """The `seq` of every state of an inspection that the stream holds."""
    client = await nats.connect(url)
    try:
        subscription = await client.jetstream().pull_subscribe(
            _WATCHED,
            stream=STREAM,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE),
        )
        left = (await subscription.consumer_info()).num_pending or 0
        found: list[int] = []
        while left > 0:
            messages = await subscription.fetch(min(left, 500), timeout=5)
            found += [message.metadata.sequence.stream for message in messages]
            left -= len(messages)
        return found
    finally:
        await client.close()
