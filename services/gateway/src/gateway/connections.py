"""Kept-alive HTTP/1.1 connections to a service: llhttp, and nothing above it that no proxy needs.

A general client has cookies, redirects, compression and a URL to build, which is more than half of
what a request through it costs (decision 0003).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from common.trust import trust

SMALL: Final = 64 * 1024
_FULL: Final = 256 * 1024
_CONNECT_TIMEOUT_S: Final = 2.0
# Less than services keep a silent connection (75 s): one that they are about to close is not used.
_IDLE_S: Final = 30.0

P = TypeVar("P", bound=asyncio.Protocol)
Headers = list[tuple[bytes, bytes]]


class ConnectFailed(Exception):
    """There is no connection to the service, so nothing was sent."""


class BrokenOff(Exception):
    """The service closed the connection, or spoke no HTTP, before its answer was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is written to a connection.

    `body` is all of it, or an iterator that gives it as it comes; `is_chunked` says then that its
    length was not declared. `is_head` says that the answer has no body, whatever it declares.
    """

    head: bytes
    body: bytes | AsyncIterator[bytes] = b""
    is_chunked: bool = False
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer; and its whole body, where it has none or declares a small one."""

    status: int
    headers: Headers
    whole: bytes | None


class Writing(asyncio.Protocol):
    """The half of a protocol that waits while the other side does not read."""

    _room: asyncio.Future[None] | None = None

    async def until_room(self) -> None:
        """Wait while the transport holds more than it should."""
        if self._room is not None:
            await self._room

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None


class ServiceConnection(Writing):
    """One connection, for one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser = HttpResponseParser(self)
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_asking = False
        self._is_lost = False
        self.idle_since = 0.0
        self._forget(is_head=False)

    def _forget(self, *, is_head: bool) -> None:
        self._is_head = is_head
        self._headers: Headers = []
        self._length: int | None = None
        self._is_chunked = False
        self._has_head = False
        self._is_complete = False
        self._may_be_kept = False
        self._is_cut = False
        self._is_paused = False
        self._buffered = 0
        self._chunks.clear()

    @property
    def is_usable(self) -> bool:
        """True while a request may be sent."""
        return not (self._is_lost or self._is_asking or self._transport.is_closing())

    async def ask(self, request: Request) -> Answer:
        """Send a request and wait for its answer's head, or for all of a small answer.

        Raises:
            BrokenOff: the service broke off before that.
            Exception: whatever a body that comes piece by piece raises.
        """
        self._forget(is_head=request.is_head)
        self._is_asking = True
        if isinstance(request.body, bytes):
            self._transport.write(request.head + request.body)
            await self._until_answered()
        else:
            self._transport.write(request.head)
            await self._answered_meanwhile(request.body, is_chunked=request.is_chunked)
        is_whole = self._is_complete and self._buffered <= SMALL
        whole = b"".join(self._chunks) if is_whole else None
        return Answer(self._parser.get_status_code(), self._headers, whole)

    async def _answered_meanwhile(self, body: AsyncIterator[bytes], *, is_chunked: bool) -> None:
        """Send the body as it comes; a service may answer, and mostly refuses then, before its end.

        What it has not taken then cannot be taken back, so the connection serves nobody else.
        """
        sending = self._loop.create_task(self._send(body, is_chunked=is_chunked))
        sending.add_done_callback(lambda _: self._wake())
        try:
            await self._until_answered(sending)
        finally:
            self._is_cut = not sending.done()
            sending.cancel()
            await asyncio.wait({sending})

    async def _send(self, body: AsyncIterator[bytes], *, is_chunked: bool) -> None:
        async for chunk in body:
            self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk)
            await self.until_room()
            if self._is_lost:
                return
        if is_chunked:
            self._transport.write(b"0\r\n\r\n")

    async def _until_answered(self, sending: asyncio.Task[None] | None = None) -> None:
        while not self._is_complete:
            is_small = self._length is not None and self._length <= SMALL
            if self._has_head and not is_small:
                return
            self._demand_alive()
            if sending is not None and sending.done():
                sending.result()
            await self._wait()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body of an answer that is not whole yet; reading waits while nobody takes it.

        Raises:
            BrokenOff: the service broke off; what it had sent has been given.
        """
        while self._chunks or not self._is_complete:
            if self._chunks:
                chunk = b"".join(self._chunks)
                self._chunks.clear()
                self._buffered = 0
                if self._is_paused and not self._is_lost:
                    self._is_paused = False
                    self._transport.resume_reading()
                yield chunk
            else:
                self._demand_alive()
                await self._wait()

    def ended(self) -> bool:
        """End the request; True when the connection may serve another one."""
        self._is_asking = False
        was_taken = not (self._is_cut or self._is_paused)
        if self._is_complete and self._may_be_kept and was_taken and self.is_usable:
            self.idle_since = self._loop.time()
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once."""
        self._is_lost = True
        self._transport.abort()

    def _demand_alive(self) -> None:
        if self._is_lost:
            raise BrokenOff

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._is_asking:
            # An answer to nothing.
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        has_no_length = self._length is None and not self._is_chunked
        if exc is None and not self._is_lost and self._has_head and has_no_length:
            # The end of the connection is the end of such a body.
            self._is_complete = True
        self._is_lost = True
        self._wake()
        self.resume_writing()

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            self._headers = []
            return
        for name, value in self._headers:
            lower = name.lower()
            if lower == b"content-length":
                self._length = int(value)
            elif lower == b"transfer-encoding":
                self._is_chunked = True
        self._has_head = True
        # The parser does not know what was asked, and would wait for a body here.
        self._is_complete = self._is_head

    def on_body(self, chunk: bytes) -> None:
        if self._is_head:
            return
        self._chunks.append(chunk)
        self._buffered += len(chunk)
        if self._buffered > _FULL and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_complete = True
            self._may_be_kept = self._parser.should_keep_alive() and not self._is_head


class ConnectionPool:
    """The connections to one service; the one that was used last is used first.

    There is no limit of its own: a client's connection asks for one thing at a time, and the
    number of those is limited at the door.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if is_secure else 80)
        self._tls = trust() if is_secure else None
        self._idle: deque[ServiceConnection] = deque()
        self.authority = parts.netloc.rpartition("@")[2].encode()

    async def take(self) -> ServiceConnection:
        """A connection to ask by; to be given back.

        Raises:
            ConnectFailed: the service takes none.
        """
        oldest = asyncio.get_running_loop().time() - _IDLE_S
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return await self.connect(ServiceConnection)

    async def connect(self, protocol: Callable[[], P]) -> P:
        """A new connection of any kind, which does not belong to the pool.

        Raises:
            ConnectFailed: the service takes none.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(
                    protocol, self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            raise ConnectFailed from error
        return connection

    def give_back(self, connection: ServiceConnection) -> None:
        """Keep a connection whose answer was read to its end, close any other."""
        if not connection.ended():
            return
        self._idle.append(connection)
        while self._idle[0].idle_since < connection.idle_since - _IDLE_S:
            self._idle.popleft().abort()

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._idle:
            self._idle.pop().abort()
