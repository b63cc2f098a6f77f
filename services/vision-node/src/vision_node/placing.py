"""Brings the shapes that a tool drew on its own picture to where they lie on the whole one."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from vision_node.overlay import XY, Box, Circle, Label, Line, Point, Polygon, Shape
from vision_node.spaces import Space

_CIRCLE_POINTS = 48
_STRAIGHT_STEPS = 16
_ROUND = 0.01  # a circle stays one while its radii differ by less than this part of them


def place(shapes: Sequence[Shape], space: Space) -> tuple[Shape, ...]:
    """The same shapes in pixels of the picture as it came.

    What leaves all bounds is left out, and what lies on another picture than the overlay.
    """
    if space.is_picture:
        return tuple(shapes)
    if space.picture:
        return ()
    moved = (_move(shape, space) for shape in shapes)
    return tuple(shape for shape in moved if shape is not None)


def _move(shape: Shape, space: Space) -> Shape | None:
    told = {"role": shape.role, "label": shape.label, "tool": shape.tool}
    match shape:
        case Polygon():
            points = _moved(shape.points, space)
            return None if points is None else shape.model_copy(update={"points": points})
        case Box():
            points = _moved(_outline(_corners(shape), closed=True), space)
            return None if points is None else _box_or_polygon(points, told)
        case Line():
            points = _moved(_outline(((shape.x1, shape.y1), (shape.x2, shape.y2))), space)
            return None if points is None else Polygon(points=points, closed=False, **told)
        case Circle():
            return _moved_circle(shape, space, told)
        case Point() | Label():
            points = _moved(((shape.x, shape.y),), space)
            if points is None:
                return None
            return shape.model_copy(update={"x": points[0][0], "y": points[0][1]})


def _moved(points: Iterable[XY], space: Space) -> tuple[XY, ...] | None:
    there = space.in_picture(np.array([*points], np.float64).reshape(-1, 2))
    if not np.isfinite(there).all() or (np.abs(there) > 1e6).any():
        return None
    return tuple((x, y) for x, y in there.round(3).tolist())


def _corners(box: Box) -> tuple[XY, ...]:
    right, bottom = box.x + box.width - 1, box.y + box.height - 1
    return ((box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom))


def _outline(corners: Sequence[XY], *, closed: bool = False) -> list[XY]:
    """More points along each side: a straight side may be bent where it comes from."""
    ends = [*corners, corners[0]] if closed else list(corners)
    steps = np.linspace(0, 1, _STRAIGHT_STEPS, endpoint=False)[:, None]
    sides = [
        np.array(start) + steps * (np.array(end) - np.array(start)) for start, end in pairwise(ends)
    ]
    points = [(float(x), float(y)) for x, y in np.vstack(sides)]
    return points if closed else [*points, ends[-1]]


def _box_or_polygon(points: tuple[XY, ...], told: dict[str, str | None]) -> Shape:
    """A box whose sides are upright still is a box."""
    corners = points[::_STRAIGHT_STEPS]
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = corners
    if max(abs(x1 - x4), abs(x2 - x3), abs(y1 - y2), abs(y3 - y4)) < 0.01 and x3 > x1 and y3 > y1:
        return Box(x=x1, y=y1, width=x3 - x1 + 1, height=y3 - y1 + 1, **told)
    return Polygon(points=points, **told)


def _moved_circle(circle: Circle, space: Space, told: dict[str, str | None]) -> Shape | None:
    turns = np.arange(_CIRCLE_POINTS) * 2 * math.pi / _CIRCLE_POINTS
    rim = [
        (circle.cx + circle.radius * math.cos(a), circle.cy + circle.radius * math.sin(a))
        for a in turns
    ]
    points = _moved([*rim, (circle.cx, circle.cy)], space)
    if points is None:
        return None
    cx, cy = points[-1]
    radii = np.hypot(*(np.array(points[:-1]) - (cx, cy)).T)
    if np.ptp(radii) <= _ROUND * max(float(radii.mean()), 1e-9):
        return Circle(cx=cx, cy=cy, radius=round(float(radii.mean()), 3), **told)
    return Polygon(points=points[:-1], **told)
