"""Rows of calipers: across an expected line, or from inside to outside of an expected circle."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision_node.edges import XY, Probe, edges_along, pick
from vision_node.imaging import Pixels
from vision_node.overlay import Polygon, Shape
from vision_node.spaces import Points

Select = Literal["first", "last", "strongest"]


@dataclass(frozen=True, slots=True)
class Ray:
    """One caliper: where it begins and ends."""

    start: XY
    end: XY


def rays_across(start: XY, end: XY, *, search_px: float, count: int) -> list[Ray]:
    """Calipers at even distances along a line, each from its left side to its right."""
    length = max(math.dist(start, end), 1e-9)
    along = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    right = (-along[1] * search_px, along[0] * search_px)
    rays = []
    for number in range(count):
        reach = length * (number + 0.5) / count
        x, y = start[0] + along[0] * reach, start[1] + along[1] * reach
        rays.append(Ray((x - right[0], y - right[1]), (x + right[0], y + right[1])))
    return rays


def rays_around(
    centre: XY, *, inner: float, outer: float, count: int, arc_deg: tuple[float, float]
) -> list[Ray]:
    """Calipers at even angles, each outward; the arc is given by its start and its sweep."""
    rays = []
    for number in range(count):
        angle = math.radians(arc_deg[0] + arc_deg[1] * (number + 0.5) / count)
        way = (math.cos(angle), math.sin(angle))
        near = (centre[0] + inner * way[0], centre[1] + inner * way[1])
        far = (centre[0] + outer * way[0], centre[1] + outer * way[1])
        rays.append(Ray(near, far))
    return rays


def edge_points(grey: Pixels, rays: list[Ray], *, probe: Probe, select: Select) -> Points:
    """`(H, W)` uint8 → `(N, 2)` one edge of each caliper that met one."""
    return np.array(list(_met(grey, rays, probe, select)), np.float64).reshape(-1, 2)


def _met(grey: Pixels, rays: list[Ray], probe: Probe, select: Select) -> Iterator[XY]:
    for ray in rays:
        edge = pick(edges_along(grey, ray.start, ray.end, probe=probe), select)
        if edge is not None:
            yield edge.x, edge.y


def drawn(rays: list[Ray]) -> tuple[Shape, ...]:
    """Where was looked: the first and last caliper's outline, few enough to see the rest."""
    outline = [ray.start for ray in rays] + [ray.end for ray in reversed(rays)]
    step = max(1, len(outline) // 64)
    return (Polygon(points=tuple(outline[::step]), role="guide"),)
