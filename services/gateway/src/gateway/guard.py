"""Guards connections before there is a request: endless headers, slow headers, too many at once.

uvicorn's httptools protocol has none of these limits, and they cannot be set from inside ASGI.
Headers that do arrive whole but are too large are refused by the edge, in the caller's family.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Gauge

from common.answers import OneWriteProtocol

_CONNECTIONS: Final = Gauge("gateway_connections_open", "Open client connections.")
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: application/json\r\nconnection: close\r\ncontent-length: 54\r\n\r\n"
    b'{"detail": "The request\'s headers are over the limit."}'
)


class OpenConnections:
    """How many connections there are, in all and by address."""

    def __init__(self, *, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()
        self._total = 0

    def open(self, address: str) -> bool:
        """Count a new connection; False when there is no place for it."""
        if self._total >= self._most or self._by_address[address] >= self._most_per_address:
            return False
        self._by_address[address] += 1
        self._total += 1
        _CONNECTIONS.set(self._total)
        return True

    def close(self, address: str) -> None:
        """Count a connection out."""
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        _CONNECTIONS.set(self._total)


@dataclass(frozen=True, slots=True)
class Guard:
    """The limits of one gateway."""

    connections: OpenConnections
    max_header_bytes: int
    header_timeout_s: float


class GuardedProtocol(OneWriteProtocol):
    """uvicorn's protocol with the three limits; `guard` is set by `guarded_protocol`."""

    guard: Guard
    _address: str | None = None
    _header_bytes = 0
    _in_headers = False
    _header_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        address = str((transport.get_extra_info("peername") or ("unknown",))[0])
        if not self.guard.connections.open(address):
            transport.abort()
            return
        self._address = address
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._address is None:
            return
        self.guard.connections.close(self._address)
        self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._address is None:
            return
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > 2 * self.guard.max_header_bytes:
            self._refuse()

    def on_message_begin(self) -> None:
        self._in_headers = True
        self._header_bytes = 0
        self._await_headers()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._stop_waiting()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Keep the connection counted for as long as the socket's own protocol holds it."""
        super().handle_websocket_upgrade()
        successor: Any = self.transport.get_protocol()
        address, self._address = self._address, None
        lose = successor.connection_lost

        def counted(exc: Exception | None) -> None:
            if address is not None:
                self.guard.connections.close(address)
            lose(exc)

        successor.connection_lost = counted

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._header_deadline = self.loop.call_later(self.guard.header_timeout_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()


def guarded_protocol(guard: Guard) -> type[asyncio.Protocol]:
    """uvicorn's protocol under these limits; uvicorn makes one for each connection."""
    return type("GuardedProtocol", (GuardedProtocol,), {"guard": guard})
