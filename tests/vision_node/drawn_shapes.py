"""Pictures whose truth is known to a thousandth of a pixel: edges by how much they cover."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vision_node.imaging import Image

NOISE = 4.0  # grey levels, one sigma; the contrast is 160
Floats = NDArray[np.float64]
_FINE = 8


def finish(cover: Floats, *, noise: float = NOISE, seed: int = 7) -> Image:
    """Cover 0..1 → levels 40 to 200 with noise."""
    levels = 40 + 160 * cover + np.random.default_rng(seed).normal(0, noise, cover.shape)
    return Image(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


@cache
def grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Places within pixels, `_FINE` each way: `(height·_FINE, width·_FINE)` x and y.

    Each lies at random in its own small square: an even grid would round an upright edge.
    """
    random = np.random.default_rng(1)
    shape = (height * _FINE, width * _FINE)
    down, across = np.indices(shape).astype(np.float64)
    return (
        (across + random.random(shape)) / _FINE - 0.5,
        (down + random.random(shape)) / _FINE - 0.5,
    )


def covered(inside: NDArray[np.bool_]) -> Floats:
    """How much of each pixel lies inside."""
    height, width = inside.shape[0] // _FINE, inside.shape[1] // _FINE
    return np.asarray(inside.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3)), np.float64)


def bar(
    centre: tuple[float, float], *, width: float, angle_deg: float = 0.0, size: int = 200
) -> Floats:
    """A bar without ends, `width` across, its normal at an angle to the x axis."""
    x, y = grid(size, size)
    angle = math.radians(angle_deg)
    across = (x - centre[0]) * math.cos(angle) + (y - centre[1]) * math.sin(angle)
    return covered(np.abs(across) <= width / 2)


def ellipse(
    centre: tuple[float, float],
    *,
    axes: tuple[float, float],
    angle_deg: float = 0.0,
    size: int = 200,
) -> Floats:
    """A filled ellipse by its whole axes."""
    x, y = grid(size, size)
    angle = math.radians(angle_deg)
    u = (x - centre[0]) * math.cos(angle) + (y - centre[1]) * math.sin(angle)
    v = (y - centre[1]) * math.cos(angle) - (x - centre[0]) * math.sin(angle)
    return covered((2 * u / axes[0]) ** 2 + (2 * v / axes[1]) ** 2 <= 1)
