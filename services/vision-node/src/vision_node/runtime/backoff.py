"""How long to wait before trying again: twice as long each time, with jitter, up to a limit."""

from collections.abc import Iterator
from random import Random


def pauses(random: Random, *, first_s: float = 0.25, limit_s: float = 15.0) -> Iterator[float]:
    """Waiting times in seconds, without end; jitter keeps many nodes from returning at once."""
    pause_s = first_s
    while True:
        yield pause_s * random.uniform(0.5, 1.0)
        pause_s = min(pause_s * 2, limit_s)
