"""Sends prepared HTTP requests over kept-alive connections as fast as they are answered.

Run as a process of its own: `devices_load.py FILE`, where the file holds one JSON object. Written
on asyncio's protocols because httpx takes longer to send a request than the service to store it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any


class Sender(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered."""

    def __init__(self, requests: "list[bytes]", statuses: dict[int, int]) -> None:
        self._requests = requests
        self._statuses = statuses
        self._buffer = b""
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
        self._buffer = body[length:]
        status = int(head[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed"))

    def _send(self) -> None:
        if self._requests:
            self._transport.write(self._requests.pop())
        else:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()


async def main(plan: dict[str, Any]) -> None:
    """Send everything, and print how long it took and what was answered."""
    bodies = [body.encode() for body in plan["bodies"]]
    head = (
        f"POST {plan['path']} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {plan['token']}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    requests = [head + str(len(b)).encode() + b"\r\n\r\n" + b for b in reversed(bodies)]
    statuses: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    senders = [
        (
            await loop.create_connection(
                lambda: Sender(requests, statuses), "127.0.0.1", plan["port"]
            )
        )[1]
        for _ in range(plan["connections"])
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    print(json.dumps({"seconds": time.perf_counter() - began, "statuses": statuses}))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
