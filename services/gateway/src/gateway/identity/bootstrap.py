"""Makes the first user and the first machine key, once, when the store is still empty."""

import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from common.db import Database
from gateway.identity import repository
from gateway.identity.roles import MACHINE, PERMISSIONS
from gateway.identity.secrets import Passwords, digest, shown_prefix
from gateway.models import ApiKey
from gateway.settings import Settings

PASSWORD_FILE: Final = "admin-password"
_log = logging.getLogger("identity")


async def bootstrap(settings: Settings, *, database: Database, passwords: Passwords) -> None:
    """Make user `admin` when there is no user, and the first machine key when it is given."""
    async with database.transaction() as session:
        await repository.lock_users(session)
        if await repository.count_users(session) == 0:
            await repository.add_user(
                session,
                username="admin",
                name="Administrator",
                role="admin",
                password_hash=await passwords.hash(_first_password(settings)),
            )
            _log.info("made the first user: admin")
        if key := settings.bootstrap_machine_key.get_secret_value():
            await repository.add_key(session, _machine_key(key))


def _machine_key(key: str) -> ApiKey:
    return ApiKey(
        id=uuid4(),
        name="first vision node",
        prefix=shown_prefix(key),
        key_hash=digest(key),
        role=MACHINE,
        permissions=sorted(PERMISSIONS[MACHINE]),
        created_at=datetime.now(UTC),
    )


def _first_password(settings: Settings) -> str:
    if given := settings.admin_password.get_secret_value():
        return given
    password = secrets.token_urlsafe(12)
    path = settings.data_dir / PASSWORD_FILE
    _write_private(path, password)
    _log.info("the first password of admin is in %s of the data folder", PASSWORD_FILE)
    return password


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
