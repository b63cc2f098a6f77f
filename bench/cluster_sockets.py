"""Live topics: CPU of one delivery over a bare `websockets` broadcast, in one run.

`python -m bench.cluster_sockets [clients] [seconds]`: a bare server and the cluster service, one
after the other, send 10 events a second of the same size to as many clients, one of which never
reads at the service. Both run on uvloop without compression; CPU is what the server's process took,
all its other work included.
"""

import asyncio
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import orjson
import psutil
import uvloop
from tests.infrastructure import (
    Issuer,
    Nats,
    Postgres,
    free_port,
    migrate,
    starting_service,
)
from tests.patience import wait_until
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.figures import Figure, report
from common.bus import Bus
from common.settings import ServiceSettings

RATE: Final = 10
EVENT: Final = {"type": "printer_readings", "printer_id": "P1", "data": {"filler": "x" * 200}}


class Client(asyncio.Protocol):
    """Counts text frames, and nothing else: the load must not be what is measured."""

    def __init__(self, path: str, token: str, counts: list[int], index: int) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self._counts, self._index = counts, index
        self._buffer = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        if not self.opened.done():
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            assert b" 101 " in head, head
            self.opened.set_result(None)
        while len(buffer) >= 4:
            length, start = buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(buffer[2:4]), 4
            if len(buffer) < start + length:
                break
            if b"filler" in buffer[start : start + length]:
                self._counts[self._index] += 1
            buffer = buffer[start + length :]
        self._buffer = buffer


async def clients(plan: dict[str, Any]) -> None:
    """Connect, say so, and print what came when a line is sent."""
    counts = [0] * plan["clients"]
    loop = asyncio.get_running_loop()
    for index in range(plan["clients"]):
        _, client = await loop.create_connection(
            lambda index=index: Client(plan["path"], plan["token"], counts, index),  # type: ignore[misc] # mypy cannot infer a lambda's defaults
            "127.0.0.1",
            plan["port"],
        )
        await client.opened
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    sys.stdout.write(json.dumps({"least": min(counts), "most": max(counts), "all": sum(counts)}))
    sys.stdout.write("\n")
    sys.stdout.flush()


async def bare(port: int) -> None:
    """A server that does nothing but broadcast; a line on its input begins a run."""
    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", port, compression=None, max_queue=None):
        while seconds := await asyncio.to_thread(sys.stdin.readline):
            for number in range(int(seconds) * RATE):
                body = {"timestamp": "2026-01-01T00:00:00.000Z", "topic": "printers", "seq": number}
                broadcast(connections, orjson.dumps({**EVENT, **body}).decode())
                await asyncio.sleep(1 / RATE)
            sys.stdout.write("sent\n")
            sys.stdout.flush()


class Crowd:
    """The clients, in a process of their own."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.cluster_sockets", "--clients", json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "connected\n"

    def counts(self) -> dict[str, int]:
        """What every client has got; ends them."""
        counted: dict[str, int] = json.loads(self._process.communicate("done\n")[0])
        return counted


def cpu_of(process: psutil.Process) -> float:
    """Seconds of the processor that a process has taken."""
    times = process.cpu_times()
    return float(times.user + times.system)


class BareServer:
    """A process that does nothing but broadcast."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server = subprocess.Popen(
            [sys.executable, "-m", "bench.cluster_sockets", "--bare", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        wait_until(lambda: listens(self._port), what="the bare server")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        return psutil.Process(self._server.pid)

    def broadcast(self, seconds: int) -> None:
        """Send events to all who are connected for so long."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{seconds}\n")
        self._server.stdin.flush()
        self._server.stdout.readline()


def measure_bare(count: int, seconds: int) -> float:
    """Microseconds of CPU for one delivery by the bare server."""
    port = free_port()
    with BareServer(port) as server:
        crowd = Crowd({"port": port, "path": "/", "token": "", "clients": count})
        before = cpu_of(server.process)
        server.broadcast(seconds)
        took = cpu_of(server.process) - before
        time.sleep(2)
        counts = crowd.counts()
    print(f"bare websockets: {counts}, {took:.2f} s of CPU")
    return took / (count * seconds * RATE) * 1e6


def listens(port: int) -> bool:
    """Whether anybody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stuck_client(port: int, token: str) -> socket.socket:
    """A client that opens a socket and never reads."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", port))
    stuck.sendall(
        b"GET /ws/stuck HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
    )
    return stuck


def measure_service(stack: ExitStack, count: int, seconds: int) -> tuple[float, float]:
    """Microseconds of CPU for one delivery by the service, all in; and without its idle work."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    postgres, nats, issuer = Postgres(), Nats(folder), Issuer()
    for server in (postgres, nats, issuer):
        server.start()
        stack.callback(server.close)
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": postgres.database(f"bench_{secrets.token_hex(3)}"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_ORCHESTRATOR_URL": "http://127.0.0.1:9",
        "GEMBA_DATA_DIR": str(folder),
        "GEMBA_CLUSTER_PORT": str(port),
        "GEMBA_SERVICE_SECRET": "bench",
    }
    migrate("cluster", environment=environment)
    started = stack.enter_context(
        starting_service("cluster", environment=environment, port=port, log=folder / "log")
    )()
    process, token = psutil.Process(started.pid), issuer.token("viewer")
    crowd = Crowd({"port": port, "path": "/ws/bench", "token": token, "clients": count})
    stack.callback(stuck_client(port, token).close)
    time.sleep(2)
    before = cpu_of(process)
    time.sleep(seconds)
    idle = cpu_of(process) - before
    before = cpu_of(process)
    asyncio.run(publish(nats.url, seconds))
    took = cpu_of(process) - before
    time.sleep(2)
    counts = crowd.counts()
    print(f"cluster service: {counts}, {took:.2f} s of CPU, {idle:.2f} s of it idle work")
    assert counts["least"] == seconds * RATE, "a client has lost events"
    deliveries = count * seconds * RATE
    return took / deliveries * 1e6, (took - idle) / deliveries * 1e6


async def publish(url: str, seconds: int) -> None:
    """Ten events a second on the bus."""
    bus = Bus(ServiceSettings(nats_url=url), name="bench")
    async with bus.running():
        await bus.wait_connected(10)
        for _ in range(seconds * RATE):
            await bus.publish("gemba.printer.readings.P1", EVENT)
            await asyncio.sleep(1 / RATE)


def main() -> None:
    """Measure both and print the ratio."""
    if sys.argv[1:2] == ["--clients"]:
        uvloop.run(clients(json.loads(sys.argv[2])))
        return
    if sys.argv[1:2] == ["--bare"]:
        uvloop.run(bare(int(sys.argv[2])))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with ExitStack() as stack:
        all_in, net = measure_service(stack, count, seconds)
    reference = measure_bare(count, seconds)
    what = f"cluster: CPU a delivery to {count}"
    report([
        Figure(f"{what}, websockets.broadcast", net, "µs", bare=reference, target="<=1.5"),
        Figure(f"{what}, idle work counted in", all_in, "µs", bare=reference),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
