"""Passes HTTP to a service and back: small answers whole, large ones as a stream.

Memory stays bounded whatever the size: a chunk is read only when the last one has been taken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import aiohttp
from starlette.types import Message, Receive, Send
from yarl import URL

from common.errors import BadUpstream, PayloadTooLarge, Unavailable, UpstreamTimeout
from gateway.exchange import Exchange, end_to_end
from gateway.forwarding import forwarded_headers, forwarded_path
from gateway.upstreams import Upstream

_SMALL: Final = 64 * 1024
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_ATTEMPTS: Final = 3
_PRINCIPAL_HEADER: Final = "x-gemba-verified"

OnVerified = Callable[[str], None]


class ClientGone(Exception):
    """The client hung up before its request or its answer was complete."""


class AnswerBroken(Exception):
    """The service broke off or fell silent in the middle of its answer.

    It is too late for an error then: the answer that ends early tells the client.
    """


class RequestBody:
    """The client's body: read whole when small, else passed on chunk by chunk and counted."""

    def __init__(self, receive: Receive, *, limit: int, declared: int | None) -> None:
        self._receive = receive
        self._limit = limit
        self.declared = declared
        self.is_read = declared == 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            PayloadTooLarge: it is longer than this path takes.
            ClientGone: the client hung up.
        """
        size = 0
        while not self.is_read:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise PayloadTooLarge(details={"limit_bytes": self._limit})
            self.is_read = not message.get("more_body", False)
            if chunk:
                yield chunk

    async def whole(self) -> bytes:
        """All of it; for small bodies only."""
        return b"".join([chunk async for chunk in self.chunks()])


class Proxy:
    """Forwards requests to the services."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def forward(
        self,
        exchange: Exchange,
        *,
        upstream: Upstream,
        body: RequestBody,
        receive: Receive,
        send: Send,
        on_verified: OnVerified,
    ) -> None:
        """Send the request on and its answer back.

        Args:
            exchange: the request, its caller and its route.
            upstream: the service.
            body: the client's body, unread but for what was peeked.
            receive: the client's side, to hear that it hung up.
            send: the client's side.
            on_verified: told when the service says whose key it has verified.

        Raises:
            Unavailable: the service does not answer, or its breaker is open.
            UpstreamTimeout: it stayed silent longer than the route allows.
            BadUpstream: it broke off before its answer began.
            PayloadTooLarge: the body is over the route's limit.
            AnswerBroken: the answer ended early; it has been sent that far.
        """
        if upstream.breaker.is_open:
            raise Unavailable(f"The {upstream.name} service is not available right now.")
        silence_s = exchange.route.row.timeout_s
        has_begun = False

        async def tracked(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            async with asyncio.timeout(silence_s) as silence:
                response = await self._request(exchange, upstream, body=body, silence=silence)
                upstream.breaker.succeeded()
                async with response:
                    on_verified(response.headers.get(_PRINCIPAL_HEADER, ""))
                    await _answer(
                        exchange, response, send=tracked, receive=receive, silence=silence
                    )
        except TimeoutError as error:
            upstream.breaker.failed()
            if not has_begun:
                raise UpstreamTimeout(
                    f"The {upstream.name} service did not answer in time."
                ) from error
            raise AnswerBroken(f"the {upstream.name} service fell silent") from error
        except aiohttp.ClientError as error:
            if has_begun:
                raise AnswerBroken(f"the {upstream.name} service broke off") from error
            raise _translated(error, upstream) from error

    async def _request(
        self, exchange: Exchange, upstream: Upstream, *, body: RequestBody, silence: asyncio.Timeout
    ) -> aiohttp.ClientResponse:
        method: str = exchange.scope["method"]
        url = URL(upstream.url + forwarded_path(exchange), encoded=True)
        headers = forwarded_headers(exchange)
        data: bytes | AsyncIterator[bytes] | None = exchange.peeked_body
        if data is None and not body.is_read:
            is_small = body.declared is not None and body.declared <= _SMALL
            data = await body.whole() if is_small else _timed(body, exchange, silence)
        if body.declared is not None and (body.declared or method in ("POST", "PUT", "PATCH")):
            headers.append(("Content-Length", str(body.declared)))
        may_repeat = method in _IDEMPOTENT and not isinstance(data, AsyncIterator)
        for attempt in range(_ATTEMPTS):
            try:
                return await self._client.request(
                    method, url, headers=headers, data=data, allow_redirects=False
                )
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
                never_sent = isinstance(error, aiohttp.ClientConnectorError)
                is_last = attempt + 1 == _ATTEMPTS
                if is_last or isinstance(data, AsyncIterator) or not (may_repeat or never_sent):
                    upstream.breaker.failed()
                    raise
                await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable")


async def _timed(
    body: RequestBody, exchange: Exchange, silence: asyncio.Timeout
) -> AsyncIterator[bytes]:
    """The body, with the silence reckoned from its last chunk: a slow client is not our timeout."""
    async for chunk in body.chunks():
        yield chunk
        _heard(exchange, silence)


def _heard(exchange: Exchange, silence: asyncio.Timeout) -> None:
    now = asyncio.get_running_loop().time()
    silence.reschedule(now + exchange.route.row.timeout_s)


def _translated(error: aiohttp.ClientError, upstream: Upstream) -> Exception:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, PayloadTooLarge | ClientGone):
        return cause
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unavailable(f"The {upstream.name} service is not available right now.")
    return BadUpstream(f"The {upstream.name} service broke off its answer.")


async def _answer(
    exchange: Exchange,
    response: aiohttp.ClientResponse,
    *,
    send: Send,
    receive: Receive,
    silence: asyncio.Timeout,
) -> None:
    hidden = (b"x-request-id", _PRINCIPAL_HEADER.encode(), b"server", b"date")
    headers = [(n, v) for n, v in end_to_end(response.raw_headers) if n.lower() not in hidden]
    start = {
        "type": "http.response.start",
        "status": response.status,
        "headers": [*headers, *exchange.limit_headers()],
    }
    length = response.content_length
    is_bodiless = exchange.scope["method"] == "HEAD" or response.status in (204, 304)
    if is_bodiless or (length is not None and length <= _SMALL):
        whole = b"" if is_bodiless else await response.read()
        await send(start)
        await send({"type": "http.response.body", "body": whole})
        return
    await send(start)
    await _stream(exchange, response, send=send, receive=receive, silence=silence)


async def _stream(
    exchange: Exchange,
    response: aiohttp.ClientResponse,
    *,
    send: Send,
    receive: Receive,
    silence: asyncio.Timeout,
) -> None:
    """Pass chunks on until the service or the client ends."""

    async def pump() -> aiohttp.ClientError | None:
        try:
            async for chunk in response.content.iter_any():
                _heard(exchange, silence)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except aiohttp.ClientError as error:
            return error
        await send({"type": "http.response.body", "body": b""})
        return None

    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with asyncio.TaskGroup() as tasks:
        pumping = tasks.create_task(pump())
        watching = tasks.create_task(hang_up())
        await asyncio.wait({pumping, watching}, return_when=asyncio.FIRST_COMPLETED)
        pumping.cancel()
        watching.cancel()
    if not pumping.cancelled() and (error := pumping.result()) is not None:
        raise error
