"""The service's end of a WebSocket that is passed on.

A service's messages go to the client as they came: unmasked frames are the same bytes on both
sides, so only their lengths are read. Control frames, and what goes to the service, are the
library's.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from gateway.connections import BrokenOff, Headers, Writing

# Codes that are on no wire: there was no closing frame, and a closing frame without a code.
NO_CLOSE: Final = 1006
NO_CODE: Final = 1005
_PROTOCOL_ERROR: Final = 1002
_TOO_BIG: Final = 1009
_MAX_FRAME: Final = 16 * 1024 * 1024
_MAX_HEAD: Final = 64 * 1024
_PING_EVERY_S: Final = 20.0
_CONTROL: Final = 0x08
# Reserved bits are for extensions, of which none was offered; servers do not mask.
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_END_OF_HEAD: Final = b"\r\n\r\n"
_SWITCHING: Final = b"HTTP/1.1 101 "


class HandshakeRefused(Exception):
    """The service answered the handshake with another status than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ServiceSocket(Writing):
    """A WebSocket to a service.

    Args:
        url: the service's address of the socket, `ws://` or `wss://`.
        headers: what the handshake says beside the WebSocket's own headers.
        subprotocols: what the client offers.
    """

    def __init__(self, url: str, *, headers: Headers, subprotocols: Iterable[str]) -> None:
        offered = [Subprotocol(name) for name in subprotocols]
        self._ws = ClientProtocol(parse_uri(url), subprotocols=offered or None)
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parts: list[bytes] = []
        self._missing = 0
        self._is_paused = False
        self._was_heard = True
        self._ping_timer: asyncio.TimerHandle | None = None
        self._on_frames: Callable[[bytes], None] | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[int] = self._loop.create_future()

    @property
    def subprotocol(self) -> str | None:
        """What the service chose of the offered ones."""
        return self._ws.subprotocol

    async def opened(self) -> None:
        """Wait for the handshake's end.

        Raises:
            HandshakeRefused: the service does not want this socket.
            BrokenOff: it closed the connection, or what it answered is no handshake.
        """
        await self._opened

    def listen(self, on_frames: Callable[[bytes], None]) -> None:
        """Give whole frames of messages, one or several at once, to this from now on."""
        self._on_frames = on_frames
        self._ping_timer = self._loop.call_later(_PING_EVERY_S, self._ping)
        self.data_received(b"")
        self.resume()

    async def send(self, data: str | bytes) -> None:
        """Send a message on; waits while the service does not take it.

        Raises:
            BrokenOff: the socket is closed.
        """
        if self._ws.state is not OPEN:
            raise BrokenOff
        if isinstance(data, str):
            self._ws.send_text(data.encode())
        else:
            self._ws.send_binary(data)
        self._flush()
        await self.until_room()

    async def close(self, code: int, *, within_s: float) -> None:
        """Say goodbye, and wait for the service's so long."""
        if self._ws.state is OPEN:
            self._ws.send_close(code)
            self._flush()
            self.resume()
            await asyncio.wait({self.closed}, timeout=within_s)
        self._transport.close()

    def pause(self) -> None:
        """Read nothing more for now."""
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            # What came meanwhile has not been read, so its silence was ours.
            self._was_heard = True
            self._transport.resume_reading()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        request = self._ws.connect()
        for name, value in self._headers:
            request.headers[name.decode("latin-1")] = value.decode("latin-1")
        self._ws.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._was_heard = True
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        if not self._opened.done():
            data = self._handshaken(data)
        elif self._on_frames is not None:
            data = self._passed_on(data, self._on_frames)
        if data:
            self._parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if not self._opened.done():
            self._opened.set_exception(BrokenOff())
        self._end(NO_CLOSE)
        self.resume_writing()

    # What the bytes mean.

    def _handshaken(self, data: bytes) -> bytes:
        """What follows the handshake's answer; all of it while that is not whole."""
        head, end, rest = data.partition(_END_OF_HEAD)
        self._missing = 0 if end else 1
        if not end:
            if len(data) > _MAX_HEAD:
                self._transport.abort()
            return data
        if not head.startswith(_SWITCHING):
            status = head[9:12]
            refused = HandshakeRefused(int(status)) if status.isdigit() else BrokenOff()
            self._opened.set_exception(refused)
            self._transport.abort()
            return b""
        self._ws.receive_data(head + end)
        if self._ws.handshake_exc is not None:
            self._transport.abort()
            return b""
        self._opened.set_result(None)
        # Until the client's side is open too.
        self.pause()
        return rest

    def _passed_on(self, data: bytes, on_frames: Callable[[bytes], None]) -> bytes:
        """Give the whole frames on; what is left is the beginning of one."""
        begin = at = 0
        size = len(data)
        while self._ws.state is OPEN:
            end = _frame_end(data, at)
            if end > size:
                self._missing = end - size
                break
            if data[at] & _RESERVED or data[at + 1] & _MASKED:
                self._fail(_PROTOCOL_ERROR)
                break
            if data[at] & _CONTROL:
                if begin < at:
                    on_frames(data[begin:at])
                begin = end
                self._control(data[at:end])
            at = end
        if self._missing > _MAX_FRAME:
            self._fail(_TOO_BIG)
        if begin < at:
            on_frames(data[begin:at])
        return data[at:] if self._ws.state is OPEN else b""

    def _control(self, frame: bytes) -> None:
        self._ws.receive_data(frame)
        self._ws.events_received()
        self._flush()
        if (received := self._ws.close_rcvd) is not None:
            self._end(received.code)
        elif self._ws.parser_exc is not None:
            self._end(_PROTOCOL_ERROR)

    def _fail(self, code: int) -> None:
        self._ws.fail(code)
        self._flush()
        self._end(code)

    def _end(self, code: int) -> None:
        if not self.closed.done():
            self.closed.set_result(code)

    def _ping(self) -> None:
        """Ask whether the service is there; who said nothing since the last time is not."""
        if not self._was_heard and not self._is_paused:
            self._transport.abort()
            return
        self._was_heard = False
        self._ws.send_ping(b"")
        self._flush()
        self._ping_timer = self._loop.call_later(_PING_EVERY_S, self._ping)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)


def _frame_end(data: bytes, at: int) -> int:
    """Where the frame that begins there ends; where its length ends while that is not whole."""
    size = len(data)
    if size < at + 2:
        return at + 2
    length = data[at + 1] & ~_MASKED
    if length < 126:
        return at + 2 + length
    after = at + 4 if length == 126 else at + 10
    if size < after:
        return after
    return after + int.from_bytes(data[at + 2 : after])
