"""Whether an hour was worse than usual: a robust z-score against the same hours before. Pure.

The modified z-score of Iglewicz and Hoaglin (1993): medians, so that one odd week moves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_TO_SIGMA: Final = 0.6745
# A zone that always does the same must not alarm at a hair's breadth.
_LEAST_SPREAD: Final = 0.02
LEAST_SAMPLES: Final = 4


@dataclass(frozen=True, slots=True)
class Drop:
    """How far an hour lies from the usual, in robust standard deviations; below 0 is worse."""

    value: float
    usual: float
    z_score: float


def drop_of(value: float, history: Sequence[float]) -> Drop | None:
    """Compare an hour's productivity with earlier ones; None while too few are known."""
    if len(history) < LEAST_SAMPLES:
        return None
    usual = median(history)
    spread = max(median(abs(one - usual) for one in history), _LEAST_SPREAD)
    return Drop(value, usual, _TO_SIGMA * (value - usual) / spread)
