"""Answers the plain case of a busy path before the framework sees it.

The path's own function stays the truth: it is documented, and answers whatever is unusual. What
comes many times a second and goes well may be answered here, by the same service and at a fraction
of the cost. What a shortcut declines goes on to the path's function, body and all.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import FastAPI
from fastapi.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from common.asgi import header_of
from common.auth import Principal, bearer_of
from common.errors import ServiceError

_JSON: Final = "application/json"
_MOST_BYTES: Final = 1024 * 1024
# The variable part of the path, or "" where it has none; who calls; the body. The answer's JSON,
# or None to decline. A `ServiceError` declines too: the function meets it again and says so.
Answer: TypeAlias = Callable[[str, Principal, bytes], Awaitable[bytes | None]]
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
# The same where no token says who calls: the request's scope and body; the JSON and its headers.
OpenAnswer: TypeAlias = Callable[[Scope, bytes], Awaitable[tuple[bytes, Headers] | None]]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One path that takes a shortcut: `/api/things/{id}/parts`, with one variable part at most."""

    path: str
    permission: str
    status: int
    answer: Answer

    def part_of(self, path: str) -> str | None:
        """The variable part of a path that is this one, None for any other path."""
        start, _, rest = self.path.partition("{")
        if not rest:
            return "" if path == start else None
        end = rest.partition("}")[2]
        if not path.startswith(start) or not path.endswith(end):
            return None
        part = path[len(start) : len(path) - len(end)]
        return part if part and "/" not in part else None


@dataclass(frozen=True, slots=True)
class OpenShortcut:
    """One path, without variable parts, whose callers show who they are in a way of their own."""

    path: str
    status: int
    answer: OpenAnswer

    def part_of(self, path: str) -> str | None:
        """Nothing for this path, None for any other."""
        return "" if path == self.path else None


class Shortcuts:
    """A layer between `Observed` and the app."""

    def __init__(
        self, app: FastAPI, shortcuts: Callable[[FastAPI], Sequence[Shortcut | OpenShortcut]]
    ) -> None:
        """Ask for the shortcuts when the first request comes: by then the app has its parts."""
        self._app = app
        self._make = shortcuts
        self._shortcuts: Sequence[Shortcut | OpenShortcut] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST of JSON that a shortcut takes; hand everything else on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            if self._shortcuts is None:
                self._shortcuts = self._make(self._app)
            for shortcut in self._shortcuts:
                part = shortcut.part_of(scope["path"])
                if part is not None and _is_plain(scope):
                    await self._short(shortcut, part, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _short(
        self,
        shortcut: Shortcut | OpenShortcut,
        part: str,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        body, read = await _body_of(receive)
        answered = None
        if body is not None:
            try:
                answered = await self._answered(shortcut, part, scope, body)
            except ServiceError:
                answered = None
        if answered is None:
            await self._app(scope, _once_more(read, receive), send)
            return
        content, more = answered
        scope["gemba.route"] = shortcut.path
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            *more,
        ]
        await send({"type": "http.response.start", "status": shortcut.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answered(
        self, shortcut: Shortcut | OpenShortcut, part: str, scope: Scope, body: bytes
    ) -> tuple[bytes, Headers] | None:
        if isinstance(shortcut, OpenShortcut):
            return await shortcut.answer(scope, body)
        principal = await self._principal(scope)
        if principal is None or not principal.has(shortcut.permission):
            return None
        content = await shortcut.answer(part, principal, body)
        return None if content is None else (content, ())

    async def _principal(self, scope: Scope) -> Principal | None:
        token = bearer_of(HTTPConnection(scope))
        if token is None:
            return None
        principal: Principal = await self._app.state.verifier.verify(token)
        return principal


def _is_plain(scope: Scope) -> bool:
    length = header_of(scope, b"content-length") or ""
    kind = header_of(scope, b"content-type") or ""
    return (
        kind.partition(";")[0].strip().lower() == _JSON
        and length.isascii()
        and length.isdigit()
        and int(length) <= _MOST_BYTES
    )


async def _body_of(receive: Receive) -> tuple[bytes | None, list[Message]]:
    """The whole body, None when the caller hung up; and what was read."""
    read: list[Message] = []
    while True:
        message = await receive()
        read.append(message)
        if message["type"] != "http.request":
            return None, read
        if not message.get("more_body", False):
            return b"".join(one.get("body", b"") for one in read), read


def _once_more(read: list[Message], receive: Receive) -> Receive:
    """What was read already, then what comes."""
    left = iter(read)

    async def again() -> Message:
        for message in left:
            return message
        return await receive()

    return again
