"""Printers' keys and credentials: keys are only known by their hash, credentials are encrypted."""

import hashlib
import secrets
from typing import Any, Final

import orjson

from common.vault import Vault

# Another prefix than the gateway's keys have, so that neither door takes the other's for its own.
_PREFIX: Final = "prn_"


def new_key() -> str:
    """A key with 256 random bits; whoever has it speaks for the printer."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What is kept of a key. It is random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(key.encode()).hexdigest()


class CredentialVault:
    """Encrypts what bridges log in with."""

    def __init__(self, secret: str) -> None:
        self._vault = Vault(secret, purpose="gemba printers' credentials")

    def seal(self, credentials: dict[str, Any]) -> str | None:
        """The credentials as a sealed text; None when there are none."""
        return self._vault.seal(orjson.dumps(credentials).decode()) if credentials else None

    def unseal(self, sealed: str | None) -> dict[str, Any]:
        """The credentials; empty when they were sealed with another secret."""
        text = self._vault.unseal(sealed) if sealed is not None else None
        opened: dict[str, Any] = orjson.loads(text) if text is not None else {}
        return opened
