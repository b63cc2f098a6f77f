"""Passwords, keys and tickets: made at random, kept only as hashes."""

import asyncio
import hashlib
import hmac
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

KEY_PREFIX: Final = "sk_live_"
REFRESH_PREFIX: Final = "rt_"
_SHOWN_CHARACTERS: Final = 12


class Passwords:
    """argon2id in a thread, two at a time: one hash takes 46 MiB and some 40 ms of a core."""

    def __init__(self) -> None:
        # OWASP's first choice for argon2id (Password Storage Cheat Sheet): one lane, one pass.
        self._hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
        self._places = asyncio.Semaphore(2)
        # Checked for unknown users too, so that the time of an answer tells nothing.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password."""
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, *, stored: str | None) -> bool:
        """True when the password is the stored one; `stored` is None for an unknown user."""
        async with self._places:
            return await asyncio.to_thread(self._verify, stored or self._nobody, password)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def new_api_key() -> str:
    """A key with 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_refresh_token() -> str:
    """A refresh token with 256 random bits."""
    return REFRESH_PREFIX + secrets.token_urlsafe(32)


def new_ticket() -> str:
    """A CSRF token with 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """SHA-256: enough for secrets that are themselves 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def shown_prefix(key: str) -> str:
    """The characters of a key by which its owner recognises it in a list."""
    return key[:_SHOWN_CHARACTERS]


def service_secret(mesh_secret: str, service: str) -> str:
    """The secret of one service, derived so that no service can speak for another."""
    return hmac.new(mesh_secret.encode(), service.encode(), hashlib.sha256).hexdigest()


def is_service_secret(given: str, *, mesh_secret: str, service: str) -> bool:
    """True when a service proved itself; compared in constant time."""
    expected = service_secret(mesh_secret, service)
    return bool(mesh_secret) and hmac.compare_digest(given.encode(), expected.encode())
