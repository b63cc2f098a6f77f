"""The `url` source: one picture over HTTP, from an allowed host, within limits, no redirect."""

import http.client
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final

from vision_node.sources.errors import SourceError
from vision_node.sources.hosts import allowed_address, checked_url

_TIMEOUT_S: Final = 10.0
_WHOLE_TIMEOUT_S: Final = 30.0
_CHUNK: Final = 65536
_PORTS: Final = {"http": 80, "https": 443}


def fetch_picture(url: str, allowed: Sequence[str], *, max_bytes: int) -> bytes:
    """The bytes at a URL; raises SourceError."""
    parts = checked_url(url, schemes=("http", "https"))
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    address = allowed_address(host, port, allowed)
    line = _pinned(host, port, address=address, is_secret=parts.scheme == "https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        line.request("GET", path, headers={"Accept": "image/*", "User-Agent": "gemba-vision"})
        answer = line.getresponse()
        if answer.status != 200:
            hint = "; redirects are not followed" if 300 <= answer.status < 400 else ""
            raise SourceError(f"the URL was answered by {answer.status}{hint}", parameter="url")
        data = _body(answer, max_bytes)
    except (OSError, http.client.HTTPException, ValueError) as error:
        message = f"the URL cannot be read ({type(error).__name__})"
        raise SourceError(message, parameter="url") from error
    finally:
        line.close()
    return data


def _body(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """All of an answer; raises SourceError where it is too long or takes too long."""
    data, until = bytearray(), time.monotonic() + _WHOLE_TIMEOUT_S
    while part := answer.read1(_CHUNK):
        data += part
        if len(data) > max_bytes:
            raise SourceError(f"the URL has more than {max_bytes} bytes", parameter="url")
        if time.monotonic() > until:
            raise SourceError("the URL answers too slowly", parameter="url")
    return bytes(data)


def _pinned(host: str, port: int, *, address: str, is_secret: bool) -> http.client.HTTPConnection:
    """A connection to the address that was judged, speaking to the host by its name."""

    def connect(*_: object) -> socket.socket:
        return socket.create_connection((address, port), timeout=_TIMEOUT_S)

    if is_secret:
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=_TIMEOUT_S, context=context
        )
    else:
        line = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    line._create_connection = connect  # type: ignore[attr-defined]  # the hook that http.client has for tests and proxies
    return line
