"""What measuring tools hand on: points, lines, circles and poses, in pixels of the picture's space.

Angles are in degrees from the x axis, clockwise as seen, since y goes down.
"""

import math
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from vision_node.spaces import PICTURE, Homography, Points, Space, inverse, shifted, turned

XY = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class PointFeature:
    """A place."""

    x: float
    y: float
    space: Space = PICTURE

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        return place_json(self.space, (self.x, self.y))


@dataclass(frozen=True, slots=True, eq=False)
class LineFeature:
    """A straight line by the ends that were seen of it."""

    start: XY
    end: XY
    space: Space = PICTURE

    @property
    def angle_deg(self) -> float:
        """From 0 up to 180: a line has no direction."""
        across, down = self.end[0] - self.start[0], self.end[1] - self.start[1]
        return math.degrees(math.atan2(down, across)) % 180.0

    @property
    def middle(self) -> XY:
        """Half way between its ends."""
        return (self.start[0] + self.end[0]) / 2, (self.start[1] + self.end[1]) / 2

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        return {
            "start": place_json(self.space, self.start),
            "end": place_json(self.space, self.end),
            "angle_deg": round(self.angle_deg, 4),
        }


@dataclass(frozen=True, slots=True, eq=False)
class CircleFeature:
    """A circle."""

    cx: float
    cy: float
    radius: float
    space: Space = PICTURE

    @property
    def radius_mm(self) -> float | None:
        """Mean distance in millimetres from the centre to eight places of the circle."""
        return mean_radius_mm(self.space, (self.cx, self.cy), self.radius)

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        found: dict[str, JsonValue] = {
            "centre": place_json(self.space, (self.cx, self.cy)),
            "radius_px": round(self.radius, 4),
        }
        if (radius_mm := self.radius_mm) is not None:
            found["radius_mm"] = round(radius_mm, 5)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a part lies, how it is turned, how large it is.

    `reference` is the same place in the picture that the part was taught from.
    """

    x: float
    y: float
    angle_deg: float = 0.0
    scale: float = 1.0
    space: Space = PICTURE
    reference: XY | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        return {
            **place_json(self.space, (self.x, self.y)),
            "angle_deg": round(self.angle_deg, 3),
            "scale": round(self.scale, 5),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Fixture:
    """Takes places drawn on the reference part to where they lie on the part that is seen."""

    onto_part: Homography
    pose: Pose

    def __call__(self, points: Points) -> Points:
        """Reference points `(N, 2)` → the same on the part."""
        return self.onto_part(points)


def fixture_between(reference: Pose, seen: Pose) -> Fixture:
    """The move that takes a part from its reference pose to the one that is seen."""
    scale = seen.scale / reference.scale
    turn = turned(seen.angle_deg - reference.angle_deg, scale=scale).matrix
    home = inverse(shifted(reference.x, reference.y)).matrix
    return Fixture(Homography(shifted(seen.x, seen.y).matrix @ turn @ home), seen)


def placed(fixture: Fixture | None, *places: XY) -> list[XY]:
    """Places drawn on the reference, moved by a fixture where there is one."""
    if fixture is None:
        return list(places)
    return [(float(x), float(y)) for x, y in fixture(np.array(places, np.float64))]


def stretch(fixture: Fixture | None) -> float:
    """How much longer a length on the part is than on the reference."""
    if fixture is None:
        return 1.0
    (x1, y1), (x2, y2) = placed(fixture, (0.0, 0.0), (1.0, 0.0))
    return math.hypot(x2 - x1, y2 - y1)


def place_json(space: Space, place: XY) -> dict[str, JsonValue]:
    """A place in pixels, and in millimetres where the space is calibrated."""
    found: dict[str, JsonValue] = {"x": round(place[0], 4), "y": round(place[1], 4)}
    in_mm = space.in_mm(np.array([place], np.float64))
    if in_mm is not None:
        found["x_mm"], found["y_mm"] = (round(float(value), 5) for value in in_mm[0])
    return found


def mean_radius_mm(space: Space, centre: XY, radius: float) -> float | None:
    """Mean distance in millimetres from a centre to eight places around it."""
    turns = np.arange(8) * math.pi / 4
    rim = np.column_stack([centre[0] + radius * np.cos(turns), centre[1] + radius * np.sin(turns)])
    in_mm = space.in_mm(np.vstack([rim, centre]))
    if in_mm is None:
        return None
    return float(np.hypot(*(in_mm[:-1] - in_mm[-1]).T).mean())


def rounded(value: float | None, digits: int = 5) -> float | None:
    """Round what is there."""
    return None if value is None else round(value, digits)
