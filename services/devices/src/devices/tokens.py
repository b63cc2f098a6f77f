"""Device tokens: random, shown once, kept as a hash."""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "dev_"
_BYTES: Final = 24


def new_token() -> str:
    """192 random bits; safe in a path and as an MQTT user name."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> bytes:
    """What the database keeps; the token has entropy enough to need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
