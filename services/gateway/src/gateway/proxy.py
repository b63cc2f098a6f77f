"""Passes HTTP to a service and back: small answers whole, large ones as a stream.

Memory stays bounded whatever the size: a chunk is read only when the last one has been taken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from starlette.types import Message, Receive, Send

from common.errors import BadUpstream, PayloadTooLarge, Unavailable, UpstreamTimeout
from gateway.connections import (
    SMALL,
    Answer,
    BrokenOff,
    ConnectFailed,
    Request,
    ServiceConnection,
)
from gateway.exchange import Exchange, end_to_end
from gateway.forwarding import request_head
from gateway.upstreams import Upstream

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_ATTEMPTS: Final = 3
_PRINCIPAL_HEADER: Final = b"x-gemba-verified"
_HIDDEN: Final = frozenset({b"x-request-id", _PRINCIPAL_HEADER, b"server", b"date"})

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


async def forward(
    exchange: Exchange,
    *,
    upstream: Upstream,
    body: RequestBody,
    receive: Receive,
    send: Send,
    on_verified: OnVerified | None,
) -> None:
    """Send the request on and its answer back.

    Args:
        exchange: the request, its caller and its route.
        upstream: the service.
        body: the client's body, unread but for what was peeked.
        receive: the client's side, to hear that it hung up.
        send: the client's side.
        on_verified: told whose key the service says that it has verified, if anybody's.

    Raises:
        Unavailable: the service does not answer, or its breaker is open.
        UpstreamTimeout: it stayed silent longer than the route allows.
        BadUpstream: it broke off before its answer began.
        PayloadTooLarge: the body is over the route's limit.
        ClientGone: the client hung up in the middle of its body.
        AnswerBroken: the answer ended early; it has been sent that far.
    """
    if upstream.breaker.is_open:
        raise Unavailable(f"The {upstream.name} service is not available right now.")
    has_begun = False

    try:
        async with asyncio.timeout(exchange.route.row.timeout_s) as silence:
            request = await _request_of(exchange, upstream, body=body, silence=silence)
            connection, answer = await _asked(exchange, upstream, request)
            try:
                upstream.breaker.succeeded()
                if on_verified is not None:
                    on_verified(_verified(answer))
                has_begun = True
                await send(_start(exchange, answer))
                if answer.whole is not None:
                    await send({"type": "http.response.body", "body": answer.whole})
                else:
                    heard = partial(_heard, exchange, silence)
                    await _stream(connection, send=send, receive=receive, heard=heard)
            finally:
                upstream.connections.give_back(connection)
    except TimeoutError as error:
        upstream.breaker.failed()
        if not has_begun:
            raise UpstreamTimeout(f"The {upstream.name} service did not answer in time.") from error
        raise AnswerBroken(f"the {upstream.name} service fell silent") from error
    except ConnectFailed as error:
        raise Unavailable(f"The {upstream.name} service is not available right now.") from error
    except BrokenOff as error:
        if has_begun:
            raise AnswerBroken(f"the {upstream.name} service broke off") from error
        raise BadUpstream(f"The {upstream.name} service broke off its answer.") from error


async def _request_of(
    exchange: Exchange, upstream: Upstream, *, body: RequestBody, silence: asyncio.Timeout
) -> Request:
    """The request as the service gets it; a small body has been read."""
    method: str = exchange.scope["method"]
    declared = body.declared
    content: bytes | AsyncIterator[bytes] = exchange.peeked_body or b""
    if not body.is_read:
        is_small = declared is not None and declared <= SMALL
        content = await body.whole() if is_small else _timed(body, exchange, silence)
    framing = b""
    if declared is None:
        framing = b"transfer-encoding: chunked\r\n"
    elif declared or method in ("POST", "PUT", "PATCH"):
        framing = b"content-length: %d\r\n" % declared
    return Request(
        request_head(exchange, authority=upstream.connections.authority, framing=framing),
        content,
        is_chunked=declared is None,
        is_head=method == "HEAD",
    )


async def _asked(
    exchange: Exchange, upstream: Upstream, request: Request
) -> tuple[ServiceConnection, Answer]:
    """The answer to a request; it is sent again where that cannot do a thing twice.

    Raises:
        ConnectFailed: there is no connection to the service.
        BrokenOff: it broke off before its answer.
    """
    is_kept = isinstance(request.body, bytes)
    may_repeat = is_kept and exchange.scope["method"] in _IDEMPOTENT
    for attempt in range(_ATTEMPTS):
        try:
            return await _asked_once(upstream, request)
        except (ConnectFailed, BrokenOff) as error:
            was_never_sent = is_kept and isinstance(error, ConnectFailed)
            if attempt + 1 == _ATTEMPTS or not (may_repeat or was_never_sent):
                upstream.breaker.failed()
                raise
            await asyncio.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")


async def _asked_once(upstream: Upstream, request: Request) -> tuple[ServiceConnection, Answer]:
    connection = await upstream.connections.take()
    try:
        return connection, await connection.ask(request)
    except BaseException:
        connection.abort()
        raise


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


def _verified(answer: Answer) -> str:
    """Whose key the service says that it has verified; empty for nobody's."""
    for name, value in answer.headers:
        if name.lower() == _PRINCIPAL_HEADER:
            return value.decode("latin-1")
    return ""


def _start(exchange: Exchange, answer: Answer) -> Message:
    headers = [*end_to_end(answer.headers, but=_HIDDEN), *exchange.limit_headers()]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _stream(
    connection: ServiceConnection, *, send: Send, receive: Receive, heard: Callable[[], None]
) -> None:
    """Pass chunks on until the service or the client ends."""

    async def pump() -> BrokenOff | None:
        try:
            async for chunk in connection.chunks():
                heard()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except BrokenOff as error:
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
