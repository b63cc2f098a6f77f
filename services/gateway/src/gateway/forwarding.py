"""What a service is told of a request: its headers, its address, and one credential only."""

from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from common.logs import request_id, traceparent
from gateway.exchange import Exchange, end_to_end
from gateway.identity.secrets import KEY_PREFIX

# Ours to set: what a client sends under these names is not believed.
_REPLACED: Final = frozenset(
    {
        b"host", b"authorization", b"cookie", b"content-length", b"x-request-id", b"traceparent",
        b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded",
        b"x-gemba-verified", b"sec-websocket-key", b"sec-websocket-version",
        b"sec-websocket-extensions", b"sec-websocket-protocol", b"sec-websocket-accept",
    }
)  # fmt: skip
_OUR_KEY: Final = KEY_PREFIX.encode()


def forwarded_headers(exchange: Exchange) -> list[tuple[bytes, bytes]]:
    """The headers for the service; of all credentials only the mesh token goes on."""
    scope = exchange.scope
    headers = [
        (name, value)
        for name, value in end_to_end(scope["headers"], but=_REPLACED)
        if name != b"x-api-key" or not value.startswith(_OUR_KEY)
    ]
    if exchange.mesh_token:
        headers.append((b"authorization", b"Bearer " + exchange.mesh_token.encode()))
    headers += (
        (b"x-request-id", (request_id.get() or "").encode()),
        (b"traceparent", (traceparent.get() or "").encode()),
        (b"x-forwarded-for", exchange.address.encode("latin-1")),
        (b"x-forwarded-proto", b"https" if scope["scheme"] in ("https", "wss") else b"http"),
        (b"x-forwarded-host", host_of(exchange).encode("latin-1")),
    )
    return headers


def request_head(exchange: Exchange, *, authority: bytes, framing: bytes) -> bytes:
    """Request line and headers for the service, with the empty line at their end.

    Args:
        exchange: the request.
        authority: host and port of the service.
        framing: the header line that says how long the body is, if any.
    """
    lines = [b"%b: %b\r\n" % pair for pair in forwarded_headers(exchange)]
    target = forwarded_path(exchange).encode("latin-1")
    method = exchange.scope["method"].encode()
    return b"".join(
        (method, b" ", target, b" HTTP/1.1\r\nhost: ", authority, b"\r\n", *lines, framing, b"\r\n")
    )


def host_of(exchange: Exchange) -> str:
    """The host that the client asked for."""
    for name, value in exchange.scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1"))
    return ""


def forwarded_path(exchange: Exchange) -> str:
    """Path and query as the client wrote them, less the credentials that the gateway used."""
    raw: bytes = exchange.scope.get("raw_path") or exchange.path.encode()
    query: bytes = exchange.scope["query_string"]
    if query and exchange.used_parameters:
        kept = [
            part
            for part in query.split(b"&")
            if part.split(b"=")[0] not in exchange.used_parameters
        ]
        query = b"&".join(kept)
    target = raw.split(b"?")[0] + (b"?" + query if query else b"")
    return target.decode("latin-1")


def query_parameter(exchange: Exchange, name: str) -> str | None:
    """The first value of a query parameter."""
    query = exchange.scope["query_string"].decode("latin-1")
    for key, value in parse_qsl(query, keep_blank_values=True, max_num_fields=None):
        if key == name:
            return unquote_plus(value) if "%" in value else value
    return None
