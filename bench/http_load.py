"""Sends prepared HTTP requests over kept-alive connections as fast as they are answered.

Run as a process of its own: `http_load.py FILE`, where the file holds one JSON object. Written
on asyncio's protocols because httpx takes longer to send a request than a service to answer it.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What is sent: `bodies`, or `count` requests without one."""

    port: int
    path: str
    token: str
    connections: int
    bodies: Sequence[str] = ()
    count: int = 0
    method: str = "POST"
    name: str = field(default="bench")

    def requests(self) -> list[bytes]:
        """Every request, the first last."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {self.name}\r\n"
            f"Authorization: Bearer {self.token}\r\n"
        ).encode()
        if not self.bodies:
            return [head + b"\r\n"] * self.count
        head += b"Content-Type: application/json\r\nContent-Length: "
        bodies = (body.encode() for body in reversed(self.bodies))
        return [head + str(len(body)).encode() + b"\r\n\r\n" + body for body in bodies]


@dataclass(frozen=True)
class Sent:
    """How it went: seconds for all, the sender's own CPU, the answers, and the median of one."""

    seconds: float
    cpu_s: float
    statuses: dict[str, int]
    p50_ms: float


class Sender(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered."""

    def __init__(self, requests: list[bytes], statuses: dict[int, int], times: list[float]) -> None:
        self._requests = requests
        self._statuses = statuses
        self._times = times
        self._buffer = b""
        self._began = 0.0
        self._transport: Any = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._times.append(time.perf_counter() - self._began)
        self._buffer = body[length:]
        status = int(head[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed"))

    def _send(self) -> None:
        if self._requests:
            self._began = time.perf_counter()
            self._transport.write(self._requests.pop())
        else:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()


async def main(plan: Plan) -> None:
    """Send everything, and print how long it took and what was answered."""
    requests, statuses, times = plan.requests(), dict[int, int](), list[float]()
    loop = asyncio.get_running_loop()
    began, spent = time.perf_counter(), time.process_time()
    senders = [
        (
            await loop.create_connection(
                lambda: Sender(requests, statuses, times), "127.0.0.1", plan.port
            )
        )[1]
        for _ in range(plan.connections)
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - spent
    p50_ms = statistics.median(times) * 1000
    print(json.dumps(asdict(Sent(seconds, cpu_s, statuses, p50_ms))))  # type: ignore[arg-type] # JSON makes text of the keys


def send(plan: Plan, *, wanted: Iterable[int] = (200, 201)) -> Sent:
    """Run the load in a process of its own.

    Raises:
        AssertionError: something else was answered than what is wanted.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(plan), file)
        file.flush()
        output = subprocess.run(
            [sys.executable, __file__, file.name], check=True, capture_output=True, text=True
        ).stdout
    sent = Sent(**json.loads(output))
    assert {int(status) for status in sent.statuses} <= set(wanted), sent
    return sent


if __name__ == "__main__":
    asyncio.run(main(Plan(**json.loads(Path(sys.argv[1]).read_text()))))
