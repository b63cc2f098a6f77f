"""The MQTT door against NATS's own listener: messages, its CPU a message, and idle connections.

`python -m bench.mqtt [--messages 20000] [--idle 10000]`. A door holds two descriptors a client, so
where a process may not have as many as that takes, the idle connections are at two doors, as they
would be in a larger factory.
"""

import argparse
import asyncio
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from tests.patience import wait_until

from bench.cluster_sockets import listens
from bench.figures import Figure, report
from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick

_WINDOW = 200
_OTHER_FILES = 200
_PUBACK = b"\x40\x02"


def field(text: str) -> bytes:
    """A field with its length."""
    return struct.pack("!H", len(text.encode())) + text.encode()


def packet(first: int, body: bytes) -> bytes:
    """A packet of up to 16 KiB."""
    size = len(body)
    length = bytes((size,)) if size < 128 else bytes((size % 128 | 128, size // 128))
    return bytes((first,)) + length + body


def connect(client_id: str, user: str, password: str = "x") -> bytes:
    """CONNECT of 3.1.1 with a clean session and an hour's keep-alive."""
    body = field("MQTT") + bytes((4, 0xC2)) + struct.pack("!H", 3600)
    return packet(0x10, body + field(client_id) + field(user) + field(password))


async def publish(port: int, hello: bytes, topic: str, *, count: int, device_ms: int) -> float:
    """Publish at QoS 1 with a window of unacknowledged messages; the seconds until all are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(hello)
    assert (await reader.readexactly(4))[3] == 0
    began, acknowledged, sent = time.perf_counter(), 0, 0
    while acknowledged < count:
        chunk = bytearray()
        while sent < count and sent - acknowledged < _WINDOW:
            content = b'{"ts": %d, "values": {"t": %d}}' % (device_ms + sent, sent % 1000)
            identifier = struct.pack("!H", sent % 65_535 + 1)
            chunk += packet(0x32, field(topic) + identifier + content)
            sent += 1
        writer.write(chunk)
        data = await reader.read(65_536)
        assert data, "the connection was cut"
        acknowledged += data.count(_PUBACK)
    seconds = time.perf_counter() - began
    writer.close()
    return seconds


def cpu(process: psutil.Process) -> float:
    """CPU seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def second_door(mesh: LocalMesh) -> Iterator[tuple[int, psutil.Process]]:
    """Another door of the same mesh, and its port."""
    port = pick(range(24_300, 24_400))
    environment = psutil.Process(mesh.pid("mqtt")).environ()
    environment |= {"GEMBA_MQTT_PORT": str(port), "GEMBA_MQTT_METRICS_PORT": "0"}
    process = subprocess.Popen([sys.executable, "-m", "gateway.mqtt"], env=environment)
    try:
        wait_until(lambda: listens(port), what="the second door")
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(15)


async def hold_idle(ports: Sequence[int], token: str, count: int) -> list[asyncio.StreamWriter]:
    """So many connections of one device, each acknowledged, by turns at these doors."""

    async def one(number: int) -> asyncio.StreamWriter:
        port = ports[number % len(ports)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect(f"idle-{number}", token))
        code = (await reader.readexactly(4))[3]
        assert code == 0, f"connection {number} was refused with code {code}"
        return writer

    writers: list[asyncio.StreamWriter] = []
    for at in range(0, count, 200):
        writers += await asyncio.gather(*(one(n) for n in range(at, min(at + 200, count))))
    return writers


async def run(mesh: LocalMesh, *, messages: int, idle: int) -> dict[str, Any]:
    """Both measurements."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=60) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"username": "admin", "password": mesh.admin_password}
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        device = (await client.post("/api/devices/", json={"name": "Bench"})).json()
        token = (await client.post(f"/api/devices/{device['id']}/token/")).json()["token"]
        door_port = int(urlsplit(mesh.url_of("mqtt")).port or 0)
        nats_port = mesh.state["ports"]["nats_mqtt"]
        door = psutil.Process(mesh.pid("mqtt"))
        nats = psutil.Process(mesh.pid("nats"))
        service = psutil.Process(mesh.pid("devices"))
        start_ms = int(time.time() * 1000) - 6 * 3_600_000
        results: dict[str, Any] = {"messages": messages}
        root = f"gemba/devices/{device['public_id']}/"
        direct = connect("bench", "gemba", mesh.secret("nats_password"))
        for name, port, hello, topic in (
            ("through the door", door_port, connect("bench", token), "v1/devices/me/telemetry"),
            ("NATS directly", nats_port, direct, f"{root}telemetry"),
        ):
            before = cpu(door), cpu(nats), cpu(service)
            stored = await count_of(client, device["id"])
            start_ms += messages + 1
            seconds = await publish(port, hello, topic, count=messages, device_ms=start_ms)
            results[f"{name}, acknowledged messages/s"] = messages / seconds
            spent = [after - b for after, b in zip((cpu(door), cpu(nats)), before, strict=False)]
            results[f"{name}, µs of door and NATS a message"] = [
                round(s / messages * 1e6, 1) for s in spent
            ]
            began = time.perf_counter()
            async with asyncio.timeout(120):
                while await count_of(client, device["id"]) < stored + messages:
                    await asyncio.sleep(0.05)
            whole_s = seconds + time.perf_counter() - began
            results[f"{name}, stored messages/s"] = messages / whole_s
            used = (cpu(service) - before[2]) / messages * 1e6
            results[f"{name}, µs of the service a message"] = round(used, 1)
        results |= await idle_memory(mesh, token, idle)
    return results


async def idle_memory(mesh: LocalMesh, token: str, idle: int) -> dict[str, Any]:
    """What so many connections hold, at the doors and at NATS."""
    nats = psutil.Process(mesh.pid("nats"))
    ports = [int(urlsplit(mesh.url_of("mqtt")).port or 0)]
    doors = [psutil.Process(mesh.pid("mqtt"))]
    with ExitStack() as stack:
        if 2 * idle + _OTHER_FILES > resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
            port, process = stack.enter_context(second_door(mesh))
            ports.append(port)
            doors.append(process)
        before = [sum(_rss(process) for process in doors), _rss(nats)]
        began = time.perf_counter()
        writers = await hold_idle(ports, token, idle)
        seconds = time.perf_counter() - began
        at_doors, at_nats = (
            sum(_rss(process) for process in doors) - before[0],
            _rss(nats) - before[1],
        )
        for writer in writers:
            writer.close()
    return {
        "idle connections": idle,
        "idle connections, doors": len(doors),
        "idle connections, made a second": idle / seconds,
        "idle connections, doors' MiB": round(at_doors / 2**20, 1),
        "idle connections, doors' KiB each": round(at_doors / 1024 / idle, 1),
        "idle connections, NATS's KiB each": round(at_nats / 1024 / idle, 1),
    }


def _rss(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


async def count_of(client: httpx.AsyncClient, device_id: int) -> int:
    """How many readings are stored."""
    answer = await client.get(f"/api/devices/{device_id}/measurements/?page_size=1")
    return int(answer.json()["count"])


def main() -> None:
    """Run against a mesh of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--idle", type=int, default=10_000)
    options = parser.parse_args()
    settings = {
        "GEMBA_LIMITS": json.dumps({"rest": "1000000/minute"}),
        "GEMBA_LOG_LEVEL": "WARNING",
        "GEMBA_MQTT_MESSAGES_PER_S": "1000000",
        "GEMBA_MQTT_BURST": "1000000",
        "GEMBA_MQTT_CONNECTIONS_PER_IDENTITY": "100000",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalMesh(Path(folder) / "data", settings=settings) as mesh,
    ):
        results = asyncio.run(run(mesh, messages=options.messages, idle=options.idle))
    for name, value in results.items():
        print(f"{name:48} {value:>12,.1f}" if isinstance(value, float) else f"{name:48} {value}")
    report(figures(results))


def figures(results: Mapping[str, Any]) -> list[Figure]:
    """What is compared, out of all that was measured."""
    rate, spent = "acknowledged messages/s", "µs of door and NATS a message"
    door_us, nats_us = results[f"through the door, {spent}"]
    return [
        Figure(
            "mqtt: PUBACKs through the door, NATS alone", results[f"through the door, {rate}"],
            "/s", bare=results[f"NATS directly, {rate}"],
        ),
        Figure("mqtt: CPU a message, the door beside NATS", door_us, "µs", bare=nats_us),
        Figure("mqtt: stored end to end", results["through the door, stored messages/s"], "/s"),
        Figure("mqtt: an idle connection at the door",
               results["idle connections, doors' KiB each"], "KiB"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
