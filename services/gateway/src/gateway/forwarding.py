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
        b"x-gemba-verified",
    }
)  # fmt: skip
_HANDSHAKE: Final = b"sec-websocket-"


def forwarded_headers(exchange: Exchange) -> list[tuple[str, str]]:
    """The headers for the service; of all credentials only the mesh token goes on."""
    headers: list[tuple[str, str]] = []
    for name, value in end_to_end(exchange.scope["headers"]):
        is_ours = name in _REPLACED or name.startswith(_HANDSHAKE)
        if is_ours or (name == b"x-api-key" and value.startswith(KEY_PREFIX.encode())):
            continue
        headers.append((name.decode("latin-1"), value.decode("latin-1")))
    if exchange.mesh_token:
        headers.append(("Authorization", f"Bearer {exchange.mesh_token}"))
    headers += [
        ("X-Request-ID", request_id.get() or ""),
        ("traceparent", traceparent.get() or ""),
        ("X-Forwarded-For", exchange.address),
        ("X-Forwarded-Proto", "https" if exchange.scope["scheme"] in ("https", "wss") else "http"),
        ("X-Forwarded-Host", host_of(exchange)),
    ]
    return headers


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
