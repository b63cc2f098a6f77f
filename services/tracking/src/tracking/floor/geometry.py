"""Zones as polygons: whether one is valid, and whether a point lies in one.

Points are in pixels of the camera's picture, x to the right and y down; a zone's border belongs to
it.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Final

XY = tuple[float, float]
MIN_CORNERS: Final = 3
MAX_CORNERS: Final = 100
_MIN_AREA_PX2: Final = 1.0
# Numbers of a picture are at most some ten thousand; below this a cross product is rounding.
_FLAT: Final = 1e-9
_CELL_PX: Final = 32.0
# From a cell's centre to its corner, and a little more.
_CELL_REACH_PX: Final = 23.0
_MOST_CELLS: Final = 20_000


@dataclass(frozen=True)
class Polygon:
    """A simple polygon; its corners keep the order in which they were drawn."""

    corners: tuple[XY, ...]

    @cached_property
    def _edges(self) -> tuple[tuple[XY, XY], ...]:
        return tuple(pairwise((*self.corners, self.corners[0])))

    @cached_property
    def _slants(self) -> tuple[tuple[float, float, float, float], ...]:
        """Upper y, lower y, x at y = 0, and x for each y, of the sides that are not level."""
        return tuple(
            (min(y1, y2), max(y1, y2), x1 - y1 * (x2 - x1) / (y2 - y1), (x2 - x1) / (y2 - y1))
            for (x1, y1), (x2, y2) in self._edges
            if y1 != y2
        )

    @cached_property
    def _edge_boxes(self) -> tuple[tuple[float, float, float, float, tuple[XY, XY]], ...]:
        return tuple(
            (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2), ((x1, y1), (x2, y2)))
            for (x1, y1), (x2, y2) in self._edges
        )

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in px."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def contains(self, point: XY, *, margin_px: float = 0.0) -> bool:
        """True inside, on the border, and outside by no more than the margin.

        Most points are far from most zones, so the box is asked first; the distance to the border,
        which costs most, only of who is outside and near.
        """
        x, y = point
        left, top, right, bottom = self.box
        if x < left - margin_px or x > right + margin_px:
            return False
        if y < top - margin_px or y > bottom + margin_px:
            return False
        return self.surrounds(x, y) or self.is_near(x, y, margin_px=margin_px)

    def surrounds(self, x: float, y: float) -> bool:
        """Even-odd rule; a point on the border may count either way."""
        is_inside = False
        for top, bottom, start, slant in self._slants:
            if top <= y < bottom and x < start + slant * y:
                is_inside = not is_inside
        return is_inside

    def is_near(self, x: float, y: float, *, margin_px: float) -> bool:
        """True no further than this from the border."""
        for left, top, right, bottom, edge in self._edge_boxes:
            if (
                left - margin_px <= x <= right + margin_px
                and top - margin_px <= y <= bottom + margin_px
                and _distance_squared(x, y, edge) <= margin_px * margin_px
            ):
                return True
        return False


class Areas:
    """Several zones at once, in a grid of cells that fills as it is asked.

    Most feet are in a cell that lies wholly inside or outside of every zone: they cost one look.
    """

    def __init__(self, polygons: Mapping[str, Polygon], *, margin_px: float) -> None:
        self.names = frozenset(polygons)
        self._polygons = dict(polygons)
        self._margin_px = margin_px
        self._cells: dict[tuple[float, float], tuple[_Part, ...]] = {}

    def holding(self, point: XY, was_in: Container[str] = ()) -> list[str]:
        """The zones that the point is in; of those that it was in, up to the margin."""
        x, y = point
        cell = (x // _CELL_PX, y // _CELL_PX)
        parts = self._cells.get(cell)
        if parts is None:
            parts = self._filled(cell)
        return [
            name
            for name, area, is_whole in parts
            if is_whole
            or area.surrounds(x, y)
            or area.is_near(x, y, margin_px=self._margin_px if name in was_in else 0.0)
        ]

    def _filled(self, cell: tuple[float, float]) -> "tuple[_Part, ...]":
        if len(self._cells) >= _MOST_CELLS:
            self._cells.clear()
        x, y = (cell[0] + 0.5) * _CELL_PX, (cell[1] + 0.5) * _CELL_PX
        parts = []
        for name, area in self._polygons.items():
            is_inside = area.surrounds(x, y)
            is_whole = is_inside and not area.is_near(x, y, margin_px=_CELL_REACH_PX)
            if is_inside or area.is_near(x, y, margin_px=_CELL_REACH_PX + self._margin_px):
                parts.append((name, area, is_whole))
        self._cells[cell] = tuple(parts)
        return self._cells[cell]


_Part = tuple[str, Polygon, bool]


def _distance_squared(x: float, y: float, edge: tuple[XY, XY]) -> float:
    (x1, y1), (x2, y2) = edge
    dx, dy = x2 - x1, y2 - y1
    share = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)
    share = 0.0 if share < 0 else 1.0 if share > 1 else share
    return float((x - x1 - share * dx) ** 2 + (y - y1 - share * dy) ** 2)


def problem_of(corners: Sequence[XY], *, width: int, height: int) -> str | None:
    """Which rule these corners break as a zone of a picture of this size; None when none.

    Args:
        corners: x and y of each, in px.
        width: of the camera's picture, in px.
        height: of the camera's picture, in px.
    """
    if not MIN_CORNERS <= len(corners) <= MAX_CORNERS:
        return f"a polygon has {MIN_CORNERS} to {MAX_CORNERS} corners, this has {len(corners)}"
    for number, (x, y) in enumerate(corners, 1):
        if not (math.isfinite(x) and math.isfinite(y)):
            return f"corner {number} is not a number"
        if not (0 <= x <= width and 0 <= y <= height):
            return f"corner {number} ({x:g}, {y:g}) lies outside of the picture, {width}×{height}"
    edges = list(pairwise((*corners, corners[0])))
    for number, (start, end) in enumerate(edges, 1):
        if start == end:
            return f"corners {number} and {number % len(corners) + 1} are the same"
    return _crossing(edges) or _flatness(corners)


def _flatness(corners: Sequence[XY]) -> str | None:
    twice = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise((*corners, corners[0])))
    return "the polygon has no area" if abs(twice) / 2 < _MIN_AREA_PX2 else None


def _crossing(edges: Sequence[tuple[XY, XY]]) -> str | None:
    count = len(edges)
    for one, other in combinations(range(count), 2):
        are_neighbours = other - one == 1 or (one == 0 and other == count - 1)
        if are_neighbours:
            if _folds_back(edges[one], edges[other], is_last=one == 0 and other == count - 1):
                return f"sides {one + 1} and {other + 1} lie on each other"
        elif _touch(edges[one], edges[other]):
            return f"sides {one + 1} and {other + 1} cross or touch each other"
    return None


def _turn(a: XY, b: XY, c: XY) -> int:
    """Which way a → b → c turns: 1, -1, or 0 when they are on one line."""
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0 if abs(cross) < _FLAT else 1 if cross > 0 else -1


def _folds_back(one: tuple[XY, XY], other: tuple[XY, XY], *, is_last: bool) -> bool:
    """Two sides that share a corner, and lie on each other from there."""
    shared, first, second = (one[0], one[1], other[0]) if is_last else (one[1], one[0], other[1])
    if _turn(first, shared, second):
        return False
    along = [(p[0] - shared[0], p[1] - shared[1]) for p in (first, second)]
    return along[0][0] * along[1][0] + along[0][1] * along[1][1] > 0


def _touch(one: tuple[XY, XY], other: tuple[XY, XY]) -> bool:
    (a, b), (c, d) = one, other
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] != turns[1] and turns[2] != turns[3]:
        return True
    on_line = zip(turns, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
    return any(not turn and _between(*points) for turn, points in on_line)


def _between(a: XY, b: XY, point: XY) -> bool:
    return min(a[0], b[0]) <= point[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= point[1] <= max(
        a[1], b[1]
    )
