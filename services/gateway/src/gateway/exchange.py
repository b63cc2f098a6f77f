"""One request on its way through the gateway: what the edge has found out about it so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson
from starlette.types import Scope, Send

from common.asgi import header_of
from common.auth import Principal
from common.errors import ServiceError
from common.families import family_of, render
from gateway.buckets import Verdict
from gateway.routes import Route

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection",
    }
)  # fmt: skip


@dataclass(slots=True)
class Exchange:
    """Filled in by the edge step by step, read by the proxies."""

    scope: Scope
    route: Route
    address: str
    principal: Principal | None = None
    mesh_token: str | None = None
    verdict: Verdict | None = None
    peeked_body: bytes | None = None
    used_parameters: set[bytes] = field(default_factory=set)

    @property
    def path(self) -> str:
        """The path without its trailing slash."""
        return str(self.scope["path"])

    def limit_headers(self) -> list[tuple[bytes, bytes]]:
        """The rate limit's headers, none on unlimited paths."""
        return self.verdict.headers() if self.verdict else []


def end_to_end(
    headers: Iterable[tuple[bytes, bytes]], *, but: frozenset[bytes]
) -> list[tuple[bytes, bytes]]:
    """The headers that a proxy passes on.

    That is all but hop-by-hop ones, those that `Connection` names, and those in `but`, which are
    lower case.
    """
    kept, named = [], set[bytes]()
    for name, value in headers:
        lower = name.lower()
        if lower == b"connection":
            named |= {token.strip() for token in value.lower().split(b",")} - _HOP_BY_HOP
        elif lower not in _HOP_BY_HOP and lower not in but:
            kept.append((name, value))
    return [pair for pair in kept if pair[0].lower() not in named] if named else kept


async def send_error(
    scope: Scope, send: Send, error: ServiceError, *, headers: list[tuple[bytes, bytes]]
) -> None:
    """Answer in the family of the path: a response, or the refusal of a WebSocket handshake."""
    rendered = render(
        error,
        family=family_of(scope["path"]),
        accept_language=header_of(scope, b"accept-language") or "",
    )
    body = orjson.dumps(rendered.body, default=str)
    extra = [(k.lower().encode(), v.encode()) for k, v in rendered.headers.items()]
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send(
        {
            "type": f"{kind}.start",
            "status": rendered.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *extra,
                *headers,
            ],
        }
    )
    empty = scope.get("method") == "HEAD"
    await send({"type": f"{kind}.body", "body": b"" if empty else body})
