"""Unmodified MQTT clients (paho), and raw sockets for what no client would send."""

import asyncio
import json
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S


class Client:
    """A paho client whose answers can be awaited."""

    def __init__(self, port: int, user: str | None, password: str | None = None, **more: Any):
        self.loop = asyncio.get_running_loop()
        self.codes: asyncio.Queue[int] = asyncio.Queue()
        self.granted: asyncio.Queue[list[int]] = asyncio.Queue()
        self.messages: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.ended: asyncio.Queue[None] = asyncio.Queue()
        client_id = more.pop("client_id", f"test-{secrets.token_hex(4)}")
        self.keep_alive_s = more.pop("keep_alive_s", 30)
        self.port = port
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=more.pop("protocol", paho.MQTTv311),
            reconnect_on_failure=False,
            **more,
        )
        if user is not None:
            self.paho.username_pw_set(user, password)
        self.paho.on_connect = lambda c, u, f, code, p: self._put(self.codes, code.value)
        self.paho.on_subscribe = lambda c, u, m, codes, p: self._put(
            self.granted, [code.value for code in codes]
        )
        self.paho.on_message = lambda c, u, m: self._put(
            self.messages, (m.topic, m.payload, m.retain)
        )
        self.paho.on_disconnect = lambda *_: self._put(self.ended, None)

    def _put(self, queue: "asyncio.Queue[Any]", item: Any) -> None:
        self.loop.call_soon_threadsafe(queue.put_nowait, item)

    async def connect(self) -> int:
        """The code of the answer: 0 when the client is in."""
        await asyncio.to_thread(self.paho.connect, "127.0.0.1", self.port, self.keep_alive_s)
        self.paho.loop_start()
        return await asyncio.wait_for(self.codes.get(), PATIENCE_S)

    async def subscribe(self, topic: str, qos: int = 1) -> int:
        """The granted QoS."""
        self.paho.subscribe(topic, qos)
        return (await asyncio.wait_for(self.granted.get(), PATIENCE_S))[0]

    async def publish(self, topic: str, payload: Any, qos: int = 1, retain: bool = False) -> None:
        """Publish, and wait for the acknowledgement where there is one."""
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        info = self.paho.publish(topic, content, qos, retain)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)
        assert info.is_published()

    async def message(self) -> tuple[str, bytes, bool]:
        """The next message: topic, payload, retained."""
        return await asyncio.wait_for(self.messages.get(), PATIENCE_S)

    async def close(self) -> None:
        """Say goodbye."""
        self.paho.disconnect()
        await asyncio.to_thread(self.paho.loop_stop)
        if (socket := self.paho.socket()) is not None:
            socket.close()  # paho leaves it open when the CONNECT was refused


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="session")
def mqtt_port(mesh: LocalMesh) -> int:
    """Where MQTT clients go."""
    return int(urlsplit(mesh.url_of("mqtt")).port or 0)


@pytest.fixture
async def connect(mqtt_port: int) -> AsyncIterator[Connect]:
    """Makes connected clients; ends them all."""
    made: list[Client] = []

    async def make(user: str | None, password: str | None = None, **more: Any) -> Client:
        client = Client(mqtt_port, user, password, **more)
        made.append(client)
        assert await client.connect() == 0
        return client

    yield make
    for client in made:
        await client.close()


class Device:
    """A registered device with its token."""

    def __init__(self, admin: httpx.AsyncClient, body: dict[str, Any]) -> None:
        self.admin = admin
        self.path = f"/api/devices/{body['id']}"
        self.id: int = body["id"]
        self.public_id: str = body["public_id"]
        self.token = ""

    async def rotate(self) -> str:
        """Give it a new token."""
        response = await self.admin.post(f"{self.path}/token/")
        assert response.status_code == 201, response.text
        self.token = response.json()["token"]
        return self.token

    async def get(self, rest: str) -> Any:
        """What the REST interface tells of it."""
        response = await self.admin.get(f"{self.path}/{rest}")
        assert response.status_code == 200, response.text
        return response.json()

    async def wait_count(self, count: int) -> None:
        """Wait until so many readings are stored."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.get("measurements/"))["count"] < count:
                await asyncio.sleep(0.05)


MakeDevice = Callable[[], Awaitable[Device]]


@pytest.fixture
async def make_device(admin: httpx.AsyncClient) -> MakeDevice:
    """Registers devices with tokens."""

    async def make() -> Device:
        response = await admin.post("/api/devices/", json={"name": "MQTT sensor"})
        device = Device(admin, response.json())
        await device.rotate()
        return device

    return make


@pytest.fixture
async def device(make_device: MakeDevice) -> Device:
    """A new device."""
    return await make_device()


class Raw:
    """A bare connection that sends what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def packet(self) -> tuple[int, bytes]:
        """The next small packet."""
        first, length = await asyncio.wait_for(self.reader.readexactly(2), PATIENCE_S)
        return first, await self.reader.readexactly(length)

    async def is_ended(self) -> bool:
        """True once the other side has ended the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_S) == b""
        except ConnectionError:
            return True


@pytest.fixture
def raw(mqtt_port: int) -> Callable[[], AbstractAsyncContextManager[Raw]]:
    """Opens bare connections."""

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Raw]:
        reader, writer = await asyncio.open_connection("127.0.0.1", mqtt_port)
        try:
            yield Raw(reader, writer)
        finally:
            writer.close()

    return open_one


def text(content: str) -> bytes:
    """A field with its length."""
    return struct.pack("!H", len(content.encode())) + content.encode()


def connect_packet(token: str, *, level: int = 4, protocol: str = "MQTT") -> bytes:
    """A CONNECT with a clean session."""
    body = text(protocol) + bytes((level, 0x82, 0, 30)) + text("raw") + text(token)
    return bytes((0x10, len(body))) + body
