"""Work that repeats for as long as the service runs, whatever fails in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import nats.errors
from sqlalchemy.exc import SQLAlchemyError

from common.errors import ServiceError

# What passes by itself: PostgreSQL or NATS are away for a while.
PASSING: Final = (SQLAlchemyError, nats.errors.Error, ServiceError, OSError, TimeoutError)
_PAUSE_S: Final = 1.0
_log = logging.getLogger("workers")


async def repeat(step: Callable[[], Awaitable[object]], *, name: str, every_s: float) -> None:
    """Do the step again and again, `every_s` seconds between one's end and the next one's start."""
    while True:
        try:
            await step()
        except PASSING as error:
            _log.warning("%s: %r", name, error)
            await asyncio.sleep(_PAUSE_S)
        except Exception:
            # A bug in one step must not end the others; the log has it whole.
            _log.exception("%s", name)
            await asyncio.sleep(_PAUSE_S)
        await asyncio.sleep(every_s)


async def wait_for(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for the event, but no longer than this; clears it."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
    event.clear()
