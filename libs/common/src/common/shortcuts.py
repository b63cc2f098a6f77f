"""Answers the plain case of a busy path before the framework sees it.

The path's own function stays the truth: it is documented, and answers whatever is unusual. What
comes many times a second and goes well may be answered here, by the same service and at a fraction
of the cost. What a shortcut declines goes on to the path's function, body and all.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from common.asgi import header_of
from common.auth import Principal, bearer_of
from common.errors import ServiceError
from common.requests import answer as error_answer

_log = logging.getLogger("shortcuts")
_JSON: Final = "application/json"
_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A request that a shortcut may answer.

    `part` is the variable part of the path, or "" where it has none.
    """

    part: str
    scope: Scope
    body: bytes


# JSON; or a whole response; or an error of what was begun, which is answered and not begun again;
# or None to decline. Whatever is raised declines too: the path's function meets it again, and
# answers it as every error is answered.
Outcome: TypeAlias = bytes | Response | ServiceError | None


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A path that takes one: `/api/things/{id}/parts`, with one variable part at most.

    A path without a permission asks for none: its callers show who they are in a way of their own.
    A request with one of `unusual_headers` goes on to the path's function.
    """

    path: str
    permission: str | None
    status: int
    answer: Callable[[Call], Awaitable[Outcome]]
    unusual_headers: frozenset[bytes] = frozenset()

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


class Shortcuts:
    """A layer between `Observed` and the app."""

    def __init__(self, app: FastAPI, shortcuts: Callable[[FastAPI], Sequence[Shortcut]]) -> None:
        """Ask for the shortcuts when the first request comes: by then the app has its parts."""
        self._app = app
        self._make = shortcuts
        self._shortcuts: Sequence[Shortcut] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST of JSON that a shortcut takes; hand everything else on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            if self._shortcuts is None:
                self._shortcuts = self._make(self._app)
            for shortcut in self._shortcuts:
                part = shortcut.part_of(scope["path"])
                if part is not None and _is_plain(scope, shortcut.unusual_headers):
                    await self._short(shortcut, part, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _short(
        self, shortcut: Shortcut, part: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body, read = await _body_of(receive)
        outcome = None
        if body is not None:
            try:
                outcome = await self._outcome(shortcut, part, scope, body)
            except ServiceError:
                outcome = None
            except Exception as error:
                # Nothing above us would answer it in the caller's family.
                _log.warning("the shortcut of %s failed: %r", shortcut.path, error)
        if outcome is None:
            await self._app(scope, _once_more(read, receive), send)
            return
        scope["gemba.route"] = shortcut.path
        if isinstance(outcome, bytes):
            await _send_json(send, outcome, status=shortcut.status)
            return
        if isinstance(outcome, ServiceError):
            outcome = error_answer(Request(scope), outcome)
        await outcome(scope, receive, send)

    async def _outcome(self, shortcut: Shortcut, part: str, scope: Scope, body: bytes) -> Outcome:
        if shortcut.permission is not None:
            principal = await self._principal(scope)
            if principal is None or not principal.has(shortcut.permission):
                return None
        return await shortcut.answer(Call(part, scope, body))

    async def _principal(self, scope: Scope) -> Principal | None:
        token = bearer_of(HTTPConnection(scope))
        if token is None:
            return None
        principal: Principal = await self._app.state.verifier.verify(token)
        return principal


async def _send_json(send: Send, content: bytes, *, status: int) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _is_plain(scope: Scope, unusual: frozenset[bytes]) -> bool:
    length = header_of(scope, b"content-length") or ""
    kind = header_of(scope, b"content-type") or ""
    return (
        kind.partition(";")[0].strip().lower() == _JSON
        and length.isascii()
        and length.isdigit()
        and int(length) <= _MOST_BYTES
        and not (unusual and any(name in unusual for name, _ in scope["headers"]))
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
