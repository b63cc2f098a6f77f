"""Passes WebSockets to a service and back, and closes those whose right has ended."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any, Final

from prometheus_client import Gauge
from starlette.types import Receive, Send

from common.errors import BadUpstream, ServiceError, Unavailable, UpstreamTimeout, error_for_status
from common.frames import FramedProtocol, protocol_under
from gateway.connections import BrokenOff, ConnectFailed
from gateway.exchange import Exchange
from gateway.forwarding import forwarded_headers, forwarded_path
from gateway.service_socket import NO_CLOSE, NO_CODE, HandshakeRefused, ServiceSocket
from gateway.upstreams import Upstream

POLICY_VIOLATION: Final = 1008
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_TRY_AGAIN: Final = 1012
_CLOSE_TIMEOUT_S: Final = 2.0
_OPEN: Final = Gauge("gateway_websockets_open", "WebSockets that pass through this gateway.")


class OpenSockets:
    """Every open socket by the session or key that opened it."""

    def __init__(self) -> None:
        self._by_subject: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def opened(self, subject: str) -> asyncio.Event:
        """Register a socket; the event is set when its right ends."""
        ended = asyncio.Event()
        self._by_subject[subject].add(ended)
        return ended

    def closed(self, subject: str, ended: asyncio.Event) -> None:
        """Forget a socket."""
        sockets = self._by_subject[subject]
        sockets.discard(ended)
        if not sockets:
            del self._by_subject[subject]

    def end(self, subject: str) -> None:
        """Close every socket of this session or key."""
        for ended in self._by_subject.get(subject, ()):
            ended.set()

    @property
    def subjects(self) -> list[str]:
        """Sessions and keys that hold a socket open."""
        return list(self._by_subject)


class SocketProxy:
    """Forwards WebSockets to the services."""

    def __init__(self, open_sockets: OpenSockets) -> None:
        self._open = open_sockets

    async def forward(
        self, exchange: Exchange, *, upstream: Upstream, receive: Receive, send: Send
    ) -> None:
        """Open the service's socket, then accept the client's, then pass messages both ways.

        Raises:
            ServiceError: the service refuses the handshake or does not answer; the client's
                handshake has not been accepted then.
        """
        if upstream.breaker.is_open:
            raise Unavailable(f"The {upstream.name} service is not available right now.")
        subject = exchange.principal.session_id if exchange.principal else ""
        ended = self._open.opened(subject)
        try:
            service = await _connected(exchange, upstream)
            code = _GOING_AWAY
            try:
                await receive()
                await send({"type": "websocket.accept", "subprotocol": service.subprotocol})
                with _OPEN.track_inprogress():
                    client = protocol_under(exchange.scope)
                    service.listen(partial(_pass_down, service, client))
                    client.on_room = service.resume
                    code = await _until_closed(service, receive=receive, ended=ended)
                with suppress(RuntimeError, OSError):
                    # The client may be gone already; then there is nobody to tell.
                    await send({"type": "websocket.close", "code": code})
            finally:
                is_sayable = code in (_NORMAL, _GOING_AWAY, POLICY_VIOLATION) or code >= 3000
                await service.close(code if is_sayable else _NORMAL, within_s=_CLOSE_TIMEOUT_S)
        finally:
            self._open.closed(subject, ended)


async def _connected(exchange: Exchange, upstream: Upstream) -> ServiceSocket:
    """The service's socket, open."""
    url = upstream.url.replace("http", "ws", 1) + forwarded_path(exchange)
    headers = forwarded_headers(exchange)
    subprotocols = exchange.scope.get("subprotocols", ())
    try:
        async with asyncio.timeout(exchange.route.row.timeout_s):
            service = await upstream.connections.connect(
                lambda: ServiceSocket(url, headers=headers, subprotocols=subprotocols)
            )
            try:
                await service.opened()
            except BaseException:
                await service.close(_GOING_AWAY, within_s=0)
                raise
    except HandshakeRefused as error:
        raise _refusal(error.status) from error
    except TimeoutError as error:
        upstream.breaker.failed()
        raise UpstreamTimeout() from error
    except (ConnectFailed, BrokenOff) as error:
        upstream.breaker.failed()
        raise Unavailable(f"The {upstream.name} service is not available right now.") from error
    upstream.breaker.succeeded()
    return service


def _refusal(status: int) -> ServiceError:
    return error_for_status(status) if 400 <= status < 600 else BadUpstream()


def _pass_down(service: ServiceSocket, client: FramedProtocol, frames: bytes) -> None:
    """Write frames to the client; what it does not take in time, the service keeps."""
    if client.is_open:
        client.write_frame(frames)
        if not client.has_room:
            service.pause()


async def _until_closed(service: ServiceSocket, *, receive: Receive, ended: asyncio.Event) -> int:
    """Pass the client's messages on until either side closes or the right ends.

    Returns the code for the other side.
    """
    up = asyncio.create_task(_client_to_service(service, receive))
    ending = asyncio.create_task(ended.wait())
    try:
        either: set[asyncio.Future[Any]] = {up, ending, service.closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return POLICY_VIOLATION
        if service.closed.done():
            code = service.closed.result()
            # Without a closing frame the service died: the client may come again.
            return {NO_CLOSE: _TRY_AGAIN, NO_CODE: _NORMAL}.get(code, code)
        return up.result()
    finally:
        up.cancel()
        ending.cancel()
        await asyncio.wait({up, ending})


async def _client_to_service(service: ServiceSocket, receive: Receive) -> int:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or _GOING_AWAY)
        text = message.get("text")
        try:
            await service.send(text if text is not None else message.get("bytes") or b"")
        except BrokenOff:
            return _TRY_AGAIN
