"""Where a picture's pixels lie: in the picture as it came, and in millimetres where calibrated.

A tool that crops, turns, bends or scales notes here how to come back, so that whatever is found
later is drawn where it is seen and measured as it is. Homographies follow Hartley and Zisserman,
Multiple View Geometry, chapter 2.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Map(Protocol):
    """Takes points `(N, 2)` float64 x, y of one plane to another."""

    def __call__(self, points: Points) -> Points:
        """The same points in the other plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Homography:
    """A projective map by its `(3, 3)` float64 matrix."""

    matrix: Matrix

    def __call__(self, points: Points) -> Points:
        """Points at infinity come out as NaN or infinity, never as an error."""
        mapped = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """How a picture's pixels lie in the picture as it came (`to_picture`) and in mm (`to_mm`).

    Maps are applied in order. `to_mm` is None where nothing has been calibrated. `picture` names
    a picture other than the one that the overlay lies on: a template, a golden part, a board.
    """

    to_picture: tuple[Map, ...] = ()
    to_mm: tuple[Map, ...] | None = None
    picture: str = ""

    @property
    def is_picture(self) -> bool:
        """Its pixels are those of the picture that the overlay lies on."""
        return not self.to_picture and not self.picture

    def within(self, back: Map) -> "Space":
        """The space of a picture made from this one; `back` leads from its pixels to these."""
        to_mm = None if self.to_mm is None else _chain(back, self.to_mm)
        return Space(_chain(back, self.to_picture), to_mm, self.picture)

    def calibrated(self, to_mm: Map) -> "Space":
        """The same pixels, known in millimetres from here on."""
        return Space(self.to_picture, (to_mm,), self.picture)

    def in_picture(self, points: Points) -> Points:
        """Points of this space in the picture as it came."""
        return _through(self.to_picture, points)

    def in_mm(self, points: Points) -> Points | None:
        """Points of this space in millimetres; None where nothing has been calibrated."""
        return None if self.to_mm is None else _through(self.to_mm, points)

    def distance_mm(self, one: tuple[float, float], other: tuple[float, float]) -> float | None:
        """Millimetres between two places of this space."""
        places = self.in_mm(np.array([one, other], np.float64))
        return None if places is None else math.dist(places[0], places[1])

    def area_mm2(self, at: tuple[float, float], area_px: float) -> float | None:
        """Square millimetres of an area about a place, by the scale there."""
        x, y = at
        corners = self.in_mm(np.array([(x, y), (x + 1, y), (x, y + 1)], np.float64))
        if corners is None:
            return None
        across, down = corners[1] - corners[0], corners[2] - corners[0]
        return float(area_px * abs(across[0] * down[1] - across[1] * down[0]))


PICTURE = Space()


def _through(maps: tuple[Map, ...], points: Points) -> Points:
    for one in maps:
        points = one(points)
    return points


def _chain(first: Map, maps: tuple[Map, ...]) -> tuple[Map, ...]:
    if maps and isinstance(first, Homography) and isinstance(maps[0], Homography):
        return (Homography(maps[0].matrix @ first.matrix), *maps[1:])
    return (first, *maps)


def shifted(x: float, y: float) -> Homography:
    """The map that adds an offset."""
    return Homography(np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64))


def scaled(across: float, down: float) -> Homography:
    """Scale about the top left corner; pixel centres lie half a pixel from it."""
    return Homography(
        np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]], np.float64)
    )


def turned(angle_deg: float, *, scale: float = 1.0) -> Homography:
    """Turn clockwise as seen (y goes down) about the origin, and scale."""
    angle = math.radians(angle_deg)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return Homography(np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float64))


def inverse(of: Homography) -> Homography:
    """The way back; raises numpy's LinAlgError where there is none."""
    return Homography(np.asarray(np.linalg.inv(of.matrix), np.float64))
