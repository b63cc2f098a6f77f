"""Where a taught picture is seen again: shifted, turned, larger or smaller.

Normalised cross-correlation (Lewis, 1995), coarse to fine on an image pyramid, the last fraction
of a pixel by the enhanced correlation coefficient (Evangelidis and Psarakis, 2008).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.imaging import Pixels, as_pixels
from vision_node.spaces import Homography, Matrix, inverse, shifted, turned

_LEAST_SIDE = 14  # pixels of a template at the coarsest level
_MAX_LEVEL = 5
_MAX_POSES = 4000
_ECC_STEPS = 60
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """Where the template's centre lies in the picture, its turn and size, 0..1 how alike it is."""

    x: float
    y: float
    score: float
    angle_deg: float = 0.0
    scale: float = 1.0

    def onto(self, width: int, height: int) -> Homography:
        """The map of the template's pixels to the picture's."""
        turn = turned(self.angle_deg, scale=self.scale).matrix
        home = shifted(-(width - 1) / 2, -(height - 1) / 2).matrix
        return Homography(shifted(self.x, self.y).matrix @ turn @ home)

    def corners(self, width: int, height: int) -> tuple[tuple[float, float], ...]:
        """The template's corners in the picture."""
        right, bottom = width - 1.0, height - 1.0
        frame = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float64)
        return tuple((float(x), float(y)) for x, y in self.onto(width, height)(frame))


@dataclass(frozen=True, slots=True)
class Ranges:
    """Which turns and sizes are looked for."""

    angles_deg: tuple[float, float] = (0.0, 0.0)
    scales: tuple[float, float] = (1.0, 1.0)


def scores_of(grey: Pixels, template: Pixels, mask: Pixels | None = None) -> Scores:
    """`(H, W)`, `(h, w)` uint8 → `(H − h + 1, W − w + 1)` float32, −1 to 1; 0 where undefined."""
    if mask is None:
        scores = cv2.matchTemplate(grey, template, cv2.TM_CCOEFF_NORMED)
    else:
        scores = cv2.matchTemplate(grey, template, cv2.TM_CCOEFF_NORMED, mask=mask)
    # A flat patch has no variance to divide by: OpenCV leaves infinities or 1 there.
    scores = np.where(np.isfinite(scores) & (np.abs(scores) <= 1.001), scores, 0)
    return np.asarray(scores, np.float32)


def peaks(
    scores: Scores, *, least: float, count: int, apart: tuple[int, int]
) -> Iterator[tuple[int, int, float]]:
    """The highest places x, y with their score, no two within half of `apart` of each other."""
    left = scores.copy()
    for _ in range(count):
        _, score, _, (x, y) = cv2.minMaxLoc(left)
        if score < least:
            return
        yield x, y, float(score)
        across, down = max(1, apart[0] // 2), max(1, apart[1] // 2)
        left[max(0, y - down) : y + down + 1, max(0, x - across) : x + across + 1] = -1


def sub_pixel(scores: Scores, x: int, y: int) -> tuple[float, float]:
    """The top of the parabolas through a peak and its neighbours."""
    across, down = 0.0, 0.0
    if 0 < x < scores.shape[1] - 1:
        across = _vertex(*scores[y, x - 1 : x + 2].tolist())
    if 0 < y < scores.shape[0] - 1:
        down = _vertex(*scores[y - 1 : y + 2, x].tolist())
    return x + across, y + down


def _vertex(before: float, at: float, after: float) -> float:
    bend = before - 2 * at + after
    return 0.0 if bend >= -1e-12 else max(-0.5, min(0.5, 0.5 * (before - after) / bend))


def find_pattern(
    grey: Pixels, template: Pixels, *, ranges: Ranges, least: float, count: int
) -> list[Match]:
    """`(H, W)`, `(h, w)` uint8 → the best matches in any turn and size of the ranges."""
    level = _level_for(template)
    coarse, small = _shrunk(grey, level), _shrunk(template, level)
    poses = _poses(small, ranges)
    found = [
        match
        for angle, scale in poses
        for match in _at_pose(
            coarse, small, angle=angle, scale=scale, least=least * 0.6, count=count
        )
    ]
    reach = 0.5 * min(small.shape)
    kept = _apart(found, reach=reach, count=2 * count + 2)
    factor = 2.0**level
    fine = [replace(match, x=_up(match.x, factor), y=_up(match.y, factor)) for match in kept]
    refined = [_refined(grey, template, match, ranges=ranges, reach=factor) for match in fine]
    good = [match for match in refined if match.score >= least]
    return _apart(good, reach=0.5 * min(template.shape), count=count)


def _up(place: float, factor: float) -> float:
    return (place + 0.5) * factor - 0.5


def _level_for(template: Pixels) -> int:
    side = min(template.shape)
    return max(0, min(_MAX_LEVEL, int(math.log2(max(side / _LEAST_SIDE, 1)))))


def _shrunk(pixels: Pixels, level: int) -> Pixels:
    if level == 0:
        return pixels
    size = (max(1, pixels.shape[1] >> level), max(1, pixels.shape[0] >> level))
    kept = pixels[: size[1] << level, : size[0] << level]
    return as_pixels(cv2.resize(kept, size, interpolation=cv2.INTER_AREA))


def _poses(small: Pixels, ranges: Ranges) -> list[tuple[float, float]]:
    """Turns and sizes so close that the rim of the template moves by a pixel and a half at most."""
    half = math.hypot(*small.shape) / 2
    step = math.degrees(1.5 / half)
    low, high = ranges.angles_deg
    turns = max(1, math.ceil((high - low) / step) + 1)
    angles = np.linspace(low, high, turns)
    if high - low >= 360 and turns > 1:
        angles = angles[:-1]
    few, many = ranges.scales
    sizes = max(1, math.ceil(math.log(many / few) * half / 1.5) + 1)
    scales = np.geomspace(few, many, sizes)
    if len(angles) * len(scales) > _MAX_POSES:
        raise ValueError("these ranges of angle and scale hold too many poses; narrow them")
    return [(float(angle), float(scale)) for scale in scales for angle in angles]


def _at_pose(
    grey: Pixels, template: Pixels, *, angle: float, scale: float, least: float, count: int
) -> Iterator[Match]:
    if angle == 0 and scale == 1:
        patch, mask = template, None
    else:
        patch, mask = _posed(template, angle, scale)
    if patch.shape[0] > grey.shape[0] or patch.shape[1] > grey.shape[1]:
        return
    scores = scores_of(grey, patch, mask)
    apart = (template.shape[1], template.shape[0])
    for x, y, score in peaks(scores, least=least, count=count, apart=apart):
        centre = (x + (patch.shape[1] - 1) / 2, y + (patch.shape[0] - 1) / 2)
        yield Match(*centre, score=score, angle_deg=angle, scale=scale)


def _posed(template: Pixels, angle_deg: float, scale: float) -> tuple[Pixels, Pixels]:
    """The template turned and scaled, as large as it then is, and where it is seen."""
    height, width = template.shape
    turn = turned(angle_deg, scale=scale).matrix[:2, :2]
    size = np.abs(turn) @ (width, height)
    across, down = (max(3, math.ceil(value) | 1) for value in size.tolist())
    middle = Match((across - 1) / 2, (down - 1) / 2, 0.0, angle_deg, scale)
    onto = middle.onto(width, height).matrix[:2]
    patch = cv2.warpAffine(template, onto, (across, down), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(np.full_like(template, 255), onto, (across, down))
    return as_pixels(patch), as_pixels((mask > 250).astype(np.uint8))


def _apart(found: Sequence[Match], *, reach: float, count: int) -> list[Match]:
    kept: list[Match] = []
    for match in sorted(found, key=lambda one: -one.score):
        if all(math.hypot(match.x - other.x, match.y - other.y) > reach for other in kept):
            kept.append(match)
        if len(kept) == count:
            break
    return kept


def _refined(
    grey: Pixels, template: Pixels, match: Match, *, ranges: Ranges, reach: float
) -> Match:
    """The same match to a fraction of a pixel and of a degree, its score taken there."""
    half = math.hypot(*template.shape) / 2
    step = 1.5 * reach / half
    turns, sizes = [0.0], [1.0]
    if ranges.angles_deg[0] != ranges.angles_deg[1]:
        turns = [math.degrees(step) * part for part in (-0.5, 0.0, 0.5)]
    if ranges.scales[0] != ranges.scales[1]:
        sizes = [1 + step * part for part in (-0.5, 0.0, 0.5)]
    tried = (
        replace(match, angle_deg=match.angle_deg + turn, scale=match.scale * size)
        for turn in turns
        for size in sizes
    )
    best = max((_settled(grey, template, one, reach) for one in tried), key=lambda one: one.score)
    return _correlated(grey, template, best, is_scaled=len(sizes) > 1)


def _settled(grey: Pixels, template: Pixels, match: Match, reach: float) -> Match:
    """The best place close by, at this turn and size."""
    height, width = template.shape
    margin = math.ceil(reach) + 2
    back = inverse(shifted(margin, margin)).matrix
    onto = match.onto(width, height).matrix @ back
    size = (width + 2 * margin, height + 2 * margin)
    seen = cv2.warpAffine(
        grey,
        onto[:2],
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    scores = scores_of(as_pixels(seen), template)
    _, score, _, (x, y) = cv2.minMaxLoc(scores)
    fine = sub_pixel(scores, int(x), int(y))
    moved = Homography(onto)(
        np.array([[fine[0] + (width - 1) / 2, fine[1] + (height - 1) / 2]], np.float64)
    )
    return replace(match, x=float(moved[0, 0]), y=float(moved[0, 1]), score=float(score))


def _correlated(grey: Pixels, template: Pixels, match: Match, *, is_scaled: bool) -> Match:
    """Let the correlation settle the pose; the match as it was where it does not."""
    height, width = template.shape
    start = match.onto(width, height).matrix
    # Around its middle the angle and the place do not pull at each other.
    warp = np.asarray(start[:2], np.float32)
    motion = cv2.MOTION_AFFINE if is_scaled else cv2.MOTION_EUCLIDEAN
    if not is_scaled and abs(match.scale - 1) > 1e-6:
        return match
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ECC_STEPS, 1e-6)
    try:
        score, found = cv2.findTransformECC(template, grey, warp, motion, until)
    except cv2.error:
        return match
    settled = _match_of(np.asarray(found, np.float64), width, height, score=float(score))
    has_run_off = math.hypot(settled.x - match.x, settled.y - match.y) > 3
    return match if has_run_off or score < match.score - 0.05 else settled


def _match_of(warp: Matrix, width: int, height: int, *, score: float) -> Match:
    """The turn, size and place nearest to an affine map."""
    (a, b, _), (c, d, _) = warp
    angle = math.degrees(math.atan2(c - b, a + d))
    scale = math.sqrt(abs(a * d - b * c))
    x, y = warp @ ((width - 1) / 2, (height - 1) / 2, 1.0)
    return Match(float(x), float(y), score, angle, scale)
