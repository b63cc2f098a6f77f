"""What the gateway does beside answering: first user, revocations, documents, routes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from common.errors import InvalidToken
from gateway.edge import Edge
from gateway.identity.verifier import CredentialVerifier
from gateway.routes import load_routes
from gateway.settings import Settings
from gateway.sockets import OpenSockets

_RETRY_S: Final = 0.5
_RELOAD_EVERY_S: Final = 1.0
_log = logging.getLogger("workers")


async def until_done(job: Callable[[], Awaitable[None]], *, done: asyncio.Event) -> None:
    """Try a job that needs the database until it has been done once."""
    while True:
        try:
            await job()
        except (DBAPIError, OSError) as error:
            _log.info("the database is not ready yet: %s", type(error).__name__)
            await asyncio.sleep(_RETRY_S)
        else:
            done.set()
            return


async def reload_routes(edge: Edge, settings: Settings) -> None:
    """Read `routes.toml` again when it changes; open sockets stay, a broken file is refused."""
    path = settings.routes_file
    seen = await asyncio.to_thread(_changed_at, path)
    while True:
        await asyncio.sleep(_RELOAD_EVERY_S)
        try:
            changed = await asyncio.to_thread(_changed_at, path)
            if changed != seen:
                seen = changed
                edge.table = load_routes(path, overrides=settings.limits)
                _log.info("the routes have been read again")
        except (OSError, ValueError) as error:
            _log.error("the routes stay as they were: %s", error)


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns


async def close_ended_sockets(sockets: OpenSockets, credentials: CredentialVerifier) -> None:
    """Ask again whether those who hold sockets open may: a revocation may have been missed."""
    for subject in sockets.subjects:
        try:
            await credentials.recheck(subject)
        except InvalidToken:
            sockets.end(subject)
        except (DBAPIError, OSError):
            # The database has gone again; the next line to it asks anew.
            return
