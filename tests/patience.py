"""Waiting for what has to come, without guessing how long a busy machine takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

# Ends what hangs. It proves nothing about speed: `bench/` measures that.
PATIENCE_S: Final = 120.0
# For what has to come by an event, and would come without it half a minute later at the earliest.
PROMPTLY_S: Final = 15.0
_PAUSE_S: Final = 0.05


async def eventually(ask: Callable[[], Awaitable[Any]], *, what: str = "it") -> Any:
    """Ask until the answer is true; the answer."""
    last: Any = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (last := await ask()):
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        pytest.fail(f"{what} did not happen in {PATIENCE_S:g} s: {last}")
    return last


def wait_until(is_done: Callable[[], bool], *, what: str) -> None:
    """Ask until the answer is yes; for starting servers only, tests await conditions."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_S:g} s"
        time.sleep(0.02)
