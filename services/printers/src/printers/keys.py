"""Printers' keys and credentials: keys are only known by their hash, credentials are encrypted."""

import base64
import hashlib
import secrets
from typing import Any, Final

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Another prefix than the gateway's keys have, so that neither door takes the other's for its own.
_PREFIX: Final = "prn_"


def new_key() -> str:
    """A key with 256 random bits; whoever has it speaks for the printer."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What is kept of a key. It is random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(key.encode()).hexdigest()


class Vault:
    """Encrypts what bridges log in with."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"gemba printers' credentials")
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))

    def seal(self, credentials: dict[str, Any]) -> str | None:
        """The credentials as a sealed text; None when there are none."""
        return self._fernet.encrypt(orjson.dumps(credentials)).decode() if credentials else None

    def unseal(self, sealed: str | None) -> dict[str, Any]:
        """The credentials; empty when they were sealed with another secret."""
        if sealed is None:
            return {}
        try:
            opened: dict[str, Any] = orjson.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            return {}
        return opened
