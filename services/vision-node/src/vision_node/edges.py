"""Edges along a line, to a fraction of a pixel: the measure under caliper, line and circle finder.

The grey profile is averaged across a band and differentiated by a Gaussian (Canny, 1986); the
place of an edge is where the parabola through the logarithm of three slopes peaks, which is exact
for a step blurred by any Gaussian.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.imaging import Pixels

XY = tuple[float, float]
Polarity = Literal["rising", "falling", "any"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edge:
    """A step of brightness: `along_px` from the start, its height in grey levels, its sign."""

    x: float
    y: float
    along_px: float
    step: float

    @property
    def is_rising(self) -> bool:
        """From dark to bright."""
        return self.step > 0


@dataclass(frozen=True, slots=True)
class Probe:
    """How to look for edges: averaging width, smoothing, the least step, which sign counts."""

    width_px: float = 5.0
    sigma_px: float = 1.0
    contrast: float = 20.0
    polarity: Polarity = "any"


def edges_along(grey: Pixels, start: XY, end: XY, *, probe: Probe) -> list[Edge]:
    """`(H, W)` uint8 → the edges met on the way from start to end, in order."""
    length = math.dist(start, end)
    if length < 2:
        return []
    values = profile(grey, start, end, width_px=probe.width_px)
    pitch = length / (len(values) - 1)
    sigma = probe.sigma_px / pitch
    slopes = _slopes(values, sigma)
    # A step of height h, smoothed by s, has the slope h / (s·√2π).
    steps = slopes * sigma * math.sqrt(2 * math.pi)
    unit = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    found = []
    for index in _peaks(np.abs(steps), probe.contrast):
        if not _counts(steps[index], probe.polarity):
            continue
        along = (index + _offset(np.abs(slopes[index - 1 : index + 2]))) * pitch
        place = (start[0] + along * unit[0], start[1] + along * unit[1])
        found.append(Edge(*place, along_px=along, step=float(steps[index])))
    return found


def profile(grey: Pixels, start: XY, end: XY, *, width_px: float) -> Floats:
    """Mean grey levels `(N,)` at about one a pixel from start to end, across a band."""
    length = math.dist(start, end)
    count, rows = math.ceil(length) + 1, max(1, round(width_px))
    unit = np.array([end[0] - start[0], end[1] - start[1]]) / length
    along = np.linspace(0, length, count)
    across = np.arange(rows) - (rows - 1) / 2
    x = start[0] + along[None, :] * unit[0] - across[:, None] * unit[1]
    y = start[1] + along[None, :] * unit[1] + across[:, None] * unit[0]
    left, top = _floor(x, grey.shape[1]), _floor(y, grey.shape[0])
    right, bottom = _floor(x.max() + 2, grey.shape[1]), _floor(y.max() + 2, grey.shape[0])
    part = grey[top : bottom + 1, left : right + 1].astype(np.float32)
    sampled = cv2.remap(
        part,
        (x - left).astype(np.float32),
        (y - top).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(sampled.mean(axis=0), np.float64)


def _floor(values: object, limit: int) -> int:
    return int(np.clip(math.floor(float(np.min(np.asarray(values)))), 0, limit - 1))


def _slopes(values: Floats, sigma: float) -> Floats:
    reach = max(2, math.ceil(4 * sigma))
    at = np.arange(-reach, reach + 1)
    kernel = -at * np.exp(-(at**2) / (2 * sigma**2)) / (sigma**3 * math.sqrt(2 * math.pi))
    # Sampled so short a kernel misses a little: a slope of one must come out as one.
    kernel /= -(kernel * at).sum()
    padded = np.pad(values, reach, mode="edge")
    return np.asarray(np.convolve(padded, kernel, mode="valid"), np.float64)


def _peaks(heights: Floats, least: float) -> list[int]:
    middle = heights[1:-1]
    is_peak = (middle >= least) & (middle > heights[:-2]) & (middle >= heights[2:])
    return [int(index) + 1 for index in np.flatnonzero(is_peak)]


def _counts(step: float, polarity: Polarity) -> bool:
    return polarity == "any" or (step > 0) == (polarity == "rising")


def _offset(three: Floats) -> float:
    """Where between −1 and 1 the peak lies that three values show."""
    values = np.log(np.maximum(three, 1e-6))
    bend = values[0] - 2 * values[1] + values[2]
    if bend >= -1e-9:
        return 0.0
    return float(np.clip(0.5 * (values[0] - values[2]) / bend, -1, 1))


def pick(edges: Sequence[Edge], select: Literal["first", "last", "strongest"]) -> Edge | None:
    """One of the edges; None where there is none."""
    if not edges:
        return None
    if select == "strongest":
        return max(edges, key=lambda edge: abs(edge.step))
    return edges[0] if select == "first" else edges[-1]
