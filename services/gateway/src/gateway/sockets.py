"""Passes WebSockets to a service and back, and closes those whose right has ended."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Final

import aiohttp
from prometheus_client import Gauge
from starlette.types import Receive, Send

from common.errors import BadUpstream, ServiceError, Unavailable, UpstreamTimeout, error_for_status
from gateway.exchange import Exchange
from gateway.forwarding import forwarded_headers, forwarded_path
from gateway.upstreams import Upstream

POLICY_VIOLATION: Final = 1008
_GOING_AWAY: Final = 1001
_TRY_AGAIN: Final = 1012
_MAX_FRAME: Final = 16 * 1024 * 1024
_CLOSE_TIMEOUT_S: Final = 2.0
_FRAME_FIELDS: Final = {aiohttp.WSMsgType.TEXT: "text", aiohttp.WSMsgType.BINARY: "bytes"}
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

    def __init__(self, client: aiohttp.ClientSession, open_sockets: OpenSockets) -> None:
        self._client = client
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
            service = await self._connect(exchange, upstream)
            async with service:
                await receive()
                await send({"type": "websocket.accept", "subprotocol": service.protocol})
                with _OPEN.track_inprogress():
                    await _pass_both_ways(service, receive=receive, send=send, ended=ended)
        finally:
            self._open.closed(subject, ended)

    async def _connect(
        self, exchange: Exchange, upstream: Upstream
    ) -> aiohttp.ClientWebSocketResponse:
        try:
            service = await self._client.ws_connect(
                upstream.url + forwarded_path(exchange),
                headers=forwarded_headers(exchange),
                protocols=exchange.scope.get("subprotocols", ()),
                max_msg_size=_MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                heartbeat=20.0,
                compress=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error.status) from error
        except TimeoutError as error:
            upstream.breaker.failed()
            raise UpstreamTimeout() from error
        except aiohttp.ClientError as error:
            upstream.breaker.failed()
            raise Unavailable(f"The {upstream.name} service is not available right now.") from error
        upstream.breaker.succeeded()
        return service


def _refusal(status: int) -> ServiceError:
    return error_for_status(status) if 400 <= status < 600 else BadUpstream()


async def _pass_both_ways(
    service: aiohttp.ClientWebSocketResponse,
    *,
    receive: Receive,
    send: Send,
    ended: asyncio.Event,
) -> None:
    """Until either side closes or the right ends; the close code goes to the other side."""
    code = _GOING_AWAY
    async with asyncio.TaskGroup() as tasks:
        up = tasks.create_task(_client_to_service(service, receive))
        down = tasks.create_task(_service_to_client(service, send))
        ending = tasks.create_task(ended.wait())
        done, _ = await asyncio.wait({up, down, ending}, return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down, ending):
            task.cancel()
        if ending in done:
            code = POLICY_VIOLATION
        elif down in done and not down.cancelled():
            code = down.result()
        elif up in done and not up.cancelled():
            code = up.result()
    with suppress(RuntimeError, OSError):
        # The client may be gone already; then there is nobody to tell.
        await send({"type": "websocket.close", "code": code})
    await service.close(code=code if code in (1000, 1001, 1008) or code >= 3000 else 1000)


async def _client_to_service(service: aiohttp.ClientWebSocketResponse, receive: Receive) -> int:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or _GOING_AWAY)
        try:
            if (text := message.get("text")) is not None:
                await service.send_str(text)
            else:
                await service.send_bytes(message.get("bytes") or b"")
        except (aiohttp.ClientError, ConnectionError):
            return _TRY_AGAIN


async def _service_to_client(service: aiohttp.ClientWebSocketResponse, send: Send) -> int:
    async for message in service:
        kind = _FRAME_FIELDS.get(message.type)
        if kind is None:
            return _TRY_AGAIN
        try:
            await send({"type": "websocket.send", kind: message.data})
        except OSError:
            # The client has gone; its side of the socket tells how.
            return _GOING_AWAY
    code = service.close_code
    # 1006 says that there was no closing frame: the service died, the client may come again.
    return _TRY_AGAIN if code in (None, 1006) else int(code or _GOING_AWAY)
