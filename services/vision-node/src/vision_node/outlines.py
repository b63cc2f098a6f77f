"""Outlines of a mask and the measures of their shape, handed from tool to tool.

Length and width are those of the smallest turned rectangle (Toussaint, 1983); a pixel counts with
its whole width.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from vision_node.features import place_json
from vision_node.imaging import Pixels
from vision_node.spaces import PICTURE, Space

MAX_OUTLINES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One shape: outline `(N, 2)` int32 x, y, and its measures in pixels of `space`."""

    points: NDArray[np.int32]
    area: float
    perimeter: float
    cx: float
    cy: float
    length: float
    width: float
    angle_deg: float
    hull_area: float
    holes: int
    space: Space = PICTURE

    @property
    def figures(self) -> dict[str, float]:
        """All measures by name; those in millimetres where the space is calibrated."""
        found = {
            "area": self.area,
            "perimeter": self.perimeter,
            "length": self.length,
            "width": self.width,
            "diameter": 2 * math.sqrt(self.area / math.pi),
            "angle_deg": self.angle_deg,
            "aspect_ratio": self.width / self.length if self.length else 0.0,
            "circularity": min(1.0, 4 * math.pi * self.area / self.perimeter**2)
            if self.perimeter
            else 0.0,
            "solidity": min(1.0, self.area / self.hull_area) if self.hull_area else 0.0,
            "extent": min(1.0, self.area / (self.length * self.width)) if self.width else 0.0,
            "holes": float(self.holes),
        }
        area_mm2 = self.space.area_mm2((self.cx, self.cy), self.area)
        if area_mm2 is not None:
            found |= {
                "area_mm2": area_mm2,
                "diameter_mm": 2 * math.sqrt(area_mm2 / math.pi),
                "length_mm": self._across_mm(self.angle_deg, self.length),
                "width_mm": self._across_mm(self.angle_deg + 90, self.width),
            }
        return found

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        figures = {name: round(value, 4) for name, value in self.figures.items()}
        return {**place_json(self.space, (self.cx, self.cy)), **figures}

    def _across_mm(self, angle_deg: float, length: float) -> float:
        angle = math.radians(angle_deg)
        dx, dy = length / 2 * math.cos(angle), length / 2 * math.sin(angle)
        ends = (self.cx - dx, self.cy - dy), (self.cx + dx, self.cy + dy)
        return self.space.distance_mm(*ends) or 0.0


def find_outlines(
    mask: Pixels, *, min_area: float, max_area: float, space: Space = PICTURE
) -> list[Outline]:
    """`(H, W)` uint8 mask → outer outlines within the limits, the largest first."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if hierarchy is None:
        return []
    found = []
    for index, contour in enumerate(contours):
        if hierarchy[0][index][3] >= 0:
            continue
        # Area by pixel centres, and half of the rim's pixels: the whole of what is set.
        if cv2.contourArea(contour) + len(contour) / 2 + 1 < min_area:
            continue
        holes = _holes_of(index, hierarchy[0])
        outline = _measure(contours, index, holes=holes, space=space)
        if min_area <= outline.area <= max_area:
            found.append(outline)
    return sorted(found, key=lambda outline: -outline.area)


def _holes_of(index: int, hierarchy: NDArray[np.int32]) -> list[int]:
    holes, hole = [], int(hierarchy[index][2])
    while hole >= 0:
        holes.append(hole)
        hole = int(hierarchy[hole][0])
    return holes


def _measure(contours: object, index: int, *, holes: list[int], space: Space) -> Outline:
    outer = np.asarray(contours[index], np.int32)  # type: ignore[index]  # OpenCV gives a sequence of arrays
    rim = cv2.arcLength(outer, True)
    # Pick's theorem: the pixels that a closed chain of them holds, the chain included.
    area = cv2.contourArea(outer) + len(outer) / 2 + 1
    for hole in holes:
        inner = np.asarray(contours[hole], np.int32)  # type: ignore[index]  # as above
        # A hole's chain runs over the pixels around it, which belong to the shape.
        area -= max(0.0, cv2.contourArea(inner) - len(inner) / 2 + 1)
    moments = cv2.moments(outer)
    cx, cy = outer.reshape(-1, 2).mean(axis=0).tolist()
    if moments["m00"] > 0:
        cx, cy = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    (_, (one, other), angle) = cv2.minAreaRect(outer)
    if one < other:
        one, other, angle = other, one, angle + 90
    hull = cv2.convexHull(outer)
    return Outline(
        points=outer.reshape(-1, 2),
        area=area,
        perimeter=rim,
        cx=float(cx),
        cy=float(cy),
        length=one + 1,
        width=other + 1,
        angle_deg=(angle + 90) % 180 - 90,
        hull_area=cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1,
        holes=len(holes),
        space=space,
    )
