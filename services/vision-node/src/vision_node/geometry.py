"""Lines, circles and ellipses through measured points, some of which may be wrong.

Robust start by least median of squares (Rousseeuw, 1984), then least squares of the true distances
on what lies close; circles start from Kåsa's (1976) algebraic fit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.spaces import Points

_TRIES = 400
_LEAST_BAND_PX = 0.35
Residuals = NDArray[np.float64]
Figures = tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was fitted: its figures, which points it follows, and how far they lie off."""

    figures: Figures
    is_inlier: NDArray[np.bool_]
    residuals: Residuals

    @property
    def rms_px(self) -> float:
        """Root of the mean squared distance of the points that it follows."""
        return float(np.sqrt((self.residuals[self.is_inlier] ** 2).mean()))

    @property
    def range_px(self) -> float:
        """From the farthest on one side to the farthest on the other: straightness, roundness."""
        return float(np.ptp(self.residuals[self.is_inlier]))


def fit_line(points: Points) -> Fit | None:
    """`(N, 2)` → figures x, y, dx, dy: the mean point and the unit direction; N ≥ 2."""
    if len(points) < 2:
        return None
    keep = _agreed(points, 2, _line_through, _line_residuals)
    for _ in range(2):
        figures = _line_least_squares(points[keep])
        residuals = _line_residuals(points, figures)
        keep = _within(residuals, keep)
    return Fit(figures, keep, residuals)


def fit_circle(points: Points) -> Fit | None:
    """`(N, 2)` → figures cx, cy, radius; N ≥ 3. None where the points lie on a line."""
    if len(points) < 3:
        return None
    keep = _agreed(points, 3, _circle_through, _circle_residuals)
    fit = None
    for _ in range(2):
        figures = _circle_least_squares(points[keep])
        if figures is None:
            return None
        residuals = _circle_residuals(points, figures)
        keep = _within(residuals, keep)
        fit = Fit(figures, keep, residuals)
    return fit


def fit_ellipse(points: Points) -> Fit | None:
    """`(N, 2)` → figures cx, cy, major axis, minor axis, angle of the major in degrees; N ≥ 6."""
    keep = np.ones(len(points), bool)
    if len(points) < 6:
        return None
    for _ in range(3):
        if keep.sum() < 6:
            return None
        (cx, cy), (one, other), angle = cv2.fitEllipseDirect(points[keep].astype(np.float32))
        if not (math.isfinite(one) and math.isfinite(other) and min(one, other) > 0):
            return None
        figures = _major_first(cx, cy, (one, other), angle)
        residuals = _ellipse_residuals(points, figures)
        keep = _within(residuals, keep)
    return Fit(figures, keep, residuals)


def _major_first(cx: float, cy: float, axes: tuple[float, float], angle_deg: float) -> Figures:
    one, other = axes
    if one >= other:
        return cx, cy, one, other, angle_deg % 180
    return cx, cy, other, one, (angle_deg + 90) % 180


def _agreed(
    points: Points,
    size: int,
    through: Callable[[Points], Figures | None],
    residuals_of: Callable[[Points, Figures], Residuals],
) -> NDArray[np.bool_]:
    """Points close to the sample-sized figure whose median residual is the least."""
    best, keep = math.inf, np.ones(len(points), bool)
    for chosen in _samples(len(points), size):
        figures = through(points[list(chosen)])
        if figures is None:
            continue
        residuals = np.abs(residuals_of(points, figures))
        median = float(np.median(residuals))
        if median < best:
            best, keep = median, residuals <= max(3 * 1.4826 * median, _LEAST_BAND_PX)
    return keep


def _samples(count: int, size: int) -> list[tuple[int, ...]]:
    """All ways to choose, or a fixed number of them, always the same."""
    if math.comb(count, size) <= _TRIES:
        return list(combinations(range(count), size))
    random = np.random.default_rng(0)
    return [tuple(random.choice(count, size, replace=False)) for _ in range(_TRIES)]


def _within(residuals: Residuals, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    spread = 1.4826 * float(np.median(np.abs(residuals[keep])))
    return np.abs(residuals) <= max(3.5 * spread, _LEAST_BAND_PX)


def _line_through(pair: Points) -> Figures | None:
    step = pair[1] - pair[0]
    length = float(np.hypot(*step))
    if length < 1e-9:
        return None
    return float(pair[0, 0]), float(pair[0, 1]), float(step[0] / length), float(step[1] / length)


def _line_residuals(points: Points, figures: Figures) -> Residuals:
    x, y, dx, dy = figures
    return np.asarray((points[:, 1] - y) * dx - (points[:, 0] - x) * dy, np.float64)


def _line_least_squares(points: Points) -> Figures:
    mean = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - mean)
    return float(mean[0]), float(mean[1]), float(axes[0, 0]), float(axes[0, 1])


def _circle_through(points: Points) -> Figures | None:
    """Kåsa's fit; through three points it is the circle itself."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    try:
        solved, *_ = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=1e-12)
    except np.linalg.LinAlgError:
        return None
    square = float(solved[2] + solved[0] ** 2 + solved[1] ** 2)
    if square <= 0 or square > 1e12:
        return None
    return float(solved[0]), float(solved[1]), math.sqrt(square)


def _circle_residuals(points: Points, figures: Figures) -> Residuals:
    cx, cy, radius = figures
    return np.asarray(np.hypot(points[:, 0] - cx, points[:, 1] - cy) - radius, np.float64)


def _circle_least_squares(points: Points) -> Figures | None:
    """Gauss and Newton on the true distances."""
    figures = _circle_through(points)
    if figures is None:
        return None
    for _ in range(10):
        cx, cy, radius = figures
        apart = points - (cx, cy)
        lengths = np.maximum(np.hypot(*apart.T), 1e-9)
        slopes = np.column_stack([-apart / lengths[:, None], -np.ones(len(points))])
        step, *_ = np.linalg.lstsq(slopes, -(lengths - radius), rcond=None)
        figures = (cx + float(step[0]), cy + float(step[1]), radius + float(step[2]))
        if np.abs(step).max() < 1e-9:
            break
    return figures


def _ellipse_residuals(points: Points, figures: Figures) -> Residuals:
    """Sampson's (1982) first-order distance."""
    cx, cy, major, minor, angle_deg = figures
    angle = math.radians(angle_deg)
    x, y = (points - (cx, cy)).T
    u = (x * math.cos(angle) + y * math.sin(angle)) / (major / 2)
    v = (y * math.cos(angle) - x * math.sin(angle)) / (minor / 2)
    slope = 2 * np.hypot(u / (major / 2), v / (minor / 2))
    return np.asarray((u**2 + v**2 - 1) / np.maximum(slope, 1e-9), np.float64)
