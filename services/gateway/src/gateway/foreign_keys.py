"""Keys that a service verifies, not we: printers' and devices'. We only learn whose they are.

A service names the owner of a key it has verified (`X-Gemba-Verified: printer:PRINTER001`). From
then on requests with that key count against the owner's bucket; before, and with a wrong key,
against the sender's address, so that a stranger cannot use up a printer's quota.
"""

import time
from typing import Final

import orjson

from gateway.exchange import Exchange
from gateway.forwarding import query_parameter
from gateway.identity.secrets import KEY_PREFIX, digest

_REMEMBERED_S: Final = 600.0
_CACHE_SIZE: Final = 50_000
_TELEMETRY_TOKEN_SEGMENT: Final = 3


class ForeignKeys:
    """Remembers the owners of keys, by the keys' hashes."""

    def __init__(self) -> None:
        self._owners: dict[bytes, tuple[str, float]] = {}

    def owner_of(self, key: str | None) -> str | None:
        """Whose key this is, if its service has said so lately."""
        known = self._owners.get(digest(key)) if key else None
        return known[0] if known and known[1] > time.monotonic() else None

    def learn(self, key: str | None, owner: str) -> None:
        """Keep what the service said of a key; an empty owner says that it is nobody's."""
        if not key:
            return
        if not owner:
            self._owners.pop(digest(key), None)
            return
        if len(self._owners) >= _CACHE_SIZE:
            self._owners.clear()
        self._owners[digest(key)] = (owner, time.monotonic() + _REMEMBERED_S)


def foreign_key_of(exchange: Exchange) -> str | None:
    """The printer's or device's key in a request, wherever its document allows it."""
    if exchange.route.row.credential == "device":
        return str(exchange.path.split("/")[_TELEMETRY_TOKEN_SEGMENT])
    for name, value in exchange.scope["headers"]:
        if name == b"x-api-key" and not value.startswith(KEY_PREFIX.encode()):
            return str(value.decode("latin-1"))
    return query_parameter(exchange, "api_key") or _key_in_body(exchange.peeked_body)


def _key_in_body(body: bytes | None) -> str | None:
    try:
        content = orjson.loads(body or b"null")
    except orjson.JSONDecodeError:
        return None
    key = content.get("api_key") if isinstance(content, dict) else None
    return key if isinstance(key, str) else None
