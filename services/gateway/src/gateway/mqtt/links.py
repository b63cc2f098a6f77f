"""One client and its connection to the listener behind, as two asyncio protocols.

No task and no stream a connection: ten thousand idle devices must fit on a small machine.
"""

import asyncio
import logging
from typing import Any, Final, Protocol

from gateway.mqtt.connect import Connect, UnknownProtocol, read_connect
from gateway.mqtt.identities import Credentials, Identity
from gateway.mqtt.packets import (
    BAD_PROTOCOL,
    CONNECT,
    DISCONNECT,
    PUBLISH,
    Malformed,
    Splitter,
    connack,
)
from gateway.mqtt.rates import Bucket
from gateway.mqtt.rewriting import Rewriter

_LARGEST_CONNECT: Final = 64 * 1024
# What NATS sends is trusted; the largest that it can have stored is its own limit.
_LARGEST_FROM_NATS: Final = 16 * 1024 * 1024
_log = logging.getLogger("mqtt")


class Reception(Protocol):
    """What the door does for a link."""

    max_packet_bytes: int
    connect_timeout_s: float

    def opened(self, link: "ClientLink") -> bool:
        """Count a new connection; False when there is no place for it."""

    def greeted(self, link: "ClientLink", connect: Connect) -> None:
        """A client has sent its CONNECT."""

    def closed(self, link: "ClientLink") -> None:
        """A connection has ended."""

    def cut(self, reason: str) -> None:
        """A client has been cut off for this."""


class ClientLink(asyncio.Protocol):
    """The client's side."""

    __slots__ = (
        "_bucket", "_deadline", "_door", "_is_held", "_is_throttled", "_loop", "_rewriter",
        "_splitter", "_transport", "address", "connect", "credentials", "identity", "upstream",
    )  # fmt: skip

    def __init__(self, door: Reception, loop: asyncio.AbstractEventLoop) -> None:
        self._door = door
        self._loop = loop
        self._splitter = Splitter(largest=_LARGEST_CONNECT)
        self._transport: Any = None
        self._deadline: asyncio.TimerHandle | None = None
        self._rewriter: Rewriter | None = None
        self._bucket: Bucket | None = None
        self._is_held = False
        self._is_throttled = False
        self.address = ""
        self.connect: Connect | None = None
        self.identity: Identity | None = None
        self.credentials: Credentials | None = None
        self.upstream: UpstreamLink | None = None

    def connection_made(self, transport: Any) -> None:
        """Give the client a while for its CONNECT."""
        self._transport = transport
        self.address = str((transport.get_extra_info("peername") or ("unknown",))[0])
        if not self._door.opened(self):
            transport.abort()
            return
        timeout_s = self._door.connect_timeout_s
        self._deadline = self._loop.call_later(timeout_s, self.cut, "no CONNECT in time")

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side; without a DISCONNECT that makes NATS publish the will."""
        self._stop_waiting()
        if self.upstream is not None:
            self.upstream.close()
        self._door.closed(self)

    def data_received(self, data: bytes) -> None:
        """Pass on every whole packet."""
        self._splitter.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """A client that will send no more has gone."""
        return False

    def pause_writing(self) -> None:
        """The client reads too slowly: NATS must wait."""
        if self.upstream is not None:
            self.upstream.hold(True)

    def resume_writing(self) -> None:
        """The client keeps up again."""
        if self.upstream is not None:
            self.upstream.hold(False)

    def admit(self, rewriter: Rewriter, bucket: Bucket, *, largest: int) -> None:
        """The client is known and its upstream open: let its packets through."""
        self._rewriter, self._bucket = rewriter, bucket
        self._splitter.allow(largest)
        self._advance()

    def send(self, data: bytes) -> None:
        """Send to the client."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def receive(self, first: int, body: bytes) -> None:
        """Send on what NATS sent."""
        if self._rewriter is not None:
            self.send(self._rewriter.down(first, body))

    def hold(self, is_held: bool) -> None:
        """NATS reads too slowly: stop reading, or go on."""
        self._is_held = is_held
        if is_held:
            self._transport.pause_reading()
        elif not self._transport.is_closing():
            self._advance()

    def refuse(self, code: int) -> None:
        """Answer the CONNECT with a refusal, and end."""
        self.send(connack(code))
        self.close()

    def close(self) -> None:
        """End once everything has been sent."""
        self._stop_waiting()
        self._transport.close()

    def cut(self, reason: str) -> None:
        """End at once."""
        self._door.cut(reason)
        _log.info("cut off: %s", reason, extra={"address": self.address, "client": self.identity})
        self._stop_waiting()
        self._transport.abort()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _advance(self) -> None:
        try:
            if self.connect is None:
                self._greet()
            elif self._rewriter is not None:
                self._pass_on(self._rewriter)
        except Malformed as error:
            self.cut(str(error))

    def _greet(self) -> None:
        # Told by its first byte: whoever speaks another protocol may never send a whole packet.
        if self._splitter.first not in (None, CONNECT << 4):
            raise Malformed("the first packet is no CONNECT")
        found = self._splitter.next()
        if found is None:
            return
        _, body = found
        self._stop_waiting()
        try:
            self.connect = read_connect(body)
        except UnknownProtocol:
            self.refuse(BAD_PROTOCOL)
            return
        # Nothing more is read before we know who this is.
        self._transport.pause_reading()
        self._door.greeted(self, self.connect)

    def _pass_on(self, rewriter: Rewriter) -> None:
        upstream, bucket = self.upstream, self._bucket
        assert upstream is not None
        assert bucket is not None
        while not (self._is_held or self._is_throttled):
            found = self._splitter.next()
            if found is None:
                self._transport.resume_reading()
                return
            first, body = found
            onward, answer = rewriter.up(first, body)
            if onward:
                upstream.send(onward)
            if answer:
                self.send(answer)
            if first >> 4 == PUBLISH and (wait_s := bucket.take()):
                self._throttle(wait_s)
            if first >> 4 == DISCONNECT:
                self.close()
                return

    def _throttle(self, wait_s: float) -> None:
        # Back-pressure, not loss: the client's own sending waits.
        self._is_throttled = True
        self._transport.pause_reading()
        self._deadline = self._loop.call_later(wait_s, self._go_on)

    def _go_on(self) -> None:
        self._is_throttled = False
        if not self._transport.is_closing():
            self._advance()


class UpstreamLink(asyncio.Protocol):
    """The side of NATS."""

    __slots__ = ("_client", "_splitter", "_transport")

    def __init__(self, client: ClientLink) -> None:
        self._client = client
        self._splitter = Splitter(largest=_LARGEST_FROM_NATS)
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """NATS has ended the connection: so do we, and the client comes again."""
        self._client.close()

    def data_received(self, data: bytes) -> None:
        """Pass on every whole packet."""
        self._splitter.feed(data)
        try:
            while (found := self._splitter.next()) is not None:
                self._client.receive(*found)
        except Malformed as error:
            self._client.cut(f"NATS sent {error}")

    def pause_writing(self) -> None:
        """NATS reads too slowly: the client must wait."""
        self._client.hold(True)

    def resume_writing(self) -> None:
        """NATS keeps up again."""
        self._client.hold(False)

    def send(self, data: bytes) -> None:
        """Send to NATS."""
        self._transport.write(data)

    def hold(self, is_held: bool) -> None:
        """Stop reading from NATS, or go on."""
        if self._transport.is_closing():
            return
        if is_held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """End once everything has been sent."""
        self._transport.close()
