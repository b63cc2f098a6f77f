"""Whether memory grows: a least-squares line through samples, and how sure it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# What an hour may add without being called growth: 5 % of what there is, and never under 2 MiB.
_ALLOWED_SHARE: Final = 0.05
_ALLOWED_MIB: Final = 2.0


@dataclass(frozen=True, slots=True)
class Trend:
    """The line: MiB at its middle, MiB an hour, and the slope's standard error."""

    mean_mib: float
    slope_mib_h: float
    error_mib_h: float

    @property
    def is_flat(self) -> bool:
        """True when the slope is within what is allowed, or cannot be told from that."""
        allowed = max(_ALLOWED_MIB, _ALLOWED_SHARE * self.mean_mib)
        return self.slope_mib_h - 2 * self.error_mib_h <= allowed


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """The line of least squares.

    Args:
        samples: `(seconds, MiB)`, at least three at different times.

    Raises:
        ValueError: there are fewer.
    """
    count = len(samples)
    if count < 3:
        raise ValueError(f"a line needs three samples, there are {count}")
    mean_s = sum(s for s, _ in samples) / count
    mean_mib = sum(m for _, m in samples) / count
    spread = sum((s - mean_s) ** 2 for s, _ in samples)
    if spread == 0:
        raise ValueError("all samples are of one moment")
    slope = sum((s - mean_s) * (m - mean_mib) for s, m in samples) / spread
    left = sum((m - mean_mib - slope * (s - mean_s)) ** 2 for s, m in samples)
    error = math.sqrt(left / (count - 2) / spread)
    return Trend(mean_mib, slope * 3600, error * 3600)
