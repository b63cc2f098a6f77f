"""The mesh's own secrets: made on the first start, kept 0600, the same ever after (chapter 3)."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gemba_local.folder import DataFolder, write_private
from gemba_local.problems import ConfigurationError


@dataclass(frozen=True)
class Secrets:
    """Every secret of one mesh; nothing here may reach a log or a command line."""

    signing_key_file: Path
    admin_password_file: Path
    mesh_secret: str
    printer_credentials_secret: str
    camera_credentials_secret: str
    admin_password: str
    machine_key: str
    postgres_password: str
    database_password: str
    nats_password: str

    def service_secret(self, service: str) -> str:
        """What this service proves itself with to the gateway."""
        return _derived(self.mesh_secret, service)


def load_secrets(folder: DataFolder, *, admin_password: str | None = None) -> Secrets:
    """Read the secrets, making those that are missing.

    Raises ConfigurationError when the database is there but its password is gone.
    """
    place = folder.secrets
    place.mkdir(mode=0o700, exist_ok=True)
    place.chmod(0o700)
    if os.path.lexists(folder.cluster) and not (place / "postgres_password").exists():
        raise ConfigurationError(
            f"{folder.cluster} holds a database, but {place}/postgres_password is missing. "
            "Put the file back, or move the database away to begin anew."
        )
    first_password = (lambda: admin_password) if admin_password else _password
    mesh_secret = _text(place / "mesh_secret", _token)

    def sealing_secret(name: str, service: str) -> str:
        # Begins as what the service would seal with by itself, and stays when the mesh secret goes.
        return _text(place / name, lambda: _derived(mesh_secret, service))

    return Secrets(
        signing_key_file=_keep(place / "signing_key.pem", _signing_key),
        admin_password_file=_keep(place / "admin_password", first_password),
        mesh_secret=mesh_secret,
        printer_credentials_secret=sealing_secret("printer_credentials_secret", "printers"),
        camera_credentials_secret=sealing_secret("camera_credentials_secret", "tracking"),
        admin_password=_text(place / "admin_password", first_password),
        machine_key=_text(place / "machine_key", lambda: f"sk_live_{_token()}"),
        postgres_password=_text(place / "postgres_password", _token),
        database_password=_text(place / "database_password", _token),
        nats_password=_text(place / "nats_password", _token),
    )


def _derived(mesh_secret: str, service: str) -> str:
    return hmac.new(mesh_secret.encode(), service.encode(), hashlib.sha256).hexdigest()


def _token() -> str:
    return secrets.token_urlsafe(32)


def _password() -> str:
    return secrets.token_urlsafe(15)


def _signing_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _keep(path: Path, make: Callable[[], str]) -> Path:
    if not path.exists():
        write_private(path, make().rstrip("\n") + "\n")
    path.chmod(0o600)
    return path


def _text(path: Path, make: Callable[[], str]) -> str:
    text = _keep(path, make).read_text(encoding="utf-8").strip()
    if not text:
        raise ConfigurationError(f"{path} is empty; put its content back, or remove it.")
    return text
