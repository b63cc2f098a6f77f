"""Cameras' addresses hold passwords: they are kept encrypted."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Vault:
    """Encrypts addresses."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"gemba cameras' addresses")
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))

    def seal(self, address: str) -> str:
        """The address as a sealed text."""
        return self._fernet.encrypt(address.encode()).decode()

    def unseal(self, sealed: str) -> str | None:
        """The address; None when it was sealed with another secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None
