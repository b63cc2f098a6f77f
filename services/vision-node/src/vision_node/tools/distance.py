"""How far apart two features are: points, centres, lines."""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.features import CircleFeature, LineFeature, PointFeature, Pose
from vision_node.overlay import Line
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph
from vision_node.spaces import PICTURE, Points, Space

Feature = PointFeature | LineFeature | CircleFeature | Pose


class Distance(Params):
    """Measure between two features; to a line it is the perpendicular distance."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("first", PortType.POINT, also=(PortType.LINE,)),
        takes("second", PortType.POINT, also=(PortType.LINE,)),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("distance", PortType.NUMBER, unit="px"),
        gives("distance_mm", PortType.NUMBER, unit="mm"),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "shapes"},
        {
            "hole": ("find_circle", {"cx": 120, "cy": 120, "radius": 30}),
            "edge": ("find_line", {"x1": 50, "y1": 60, "x2": 50, "y2": 180}),
            "apart": ("distance", {}),
        },
        "picture.image>hole",
        "picture.image>edge",
        "hole.circle>apart.first",
        "edge.line>apart.second",
    )

    tool: Literal["distance"] = "distance"
    label: str | None = Field(None, max_length=60, description="What stands before the figure.")

    def run(self, first: Feature, second: Feature) -> Result:
        """Pixels of the picture that both lie in; millimetres where both are calibrated."""
        one, other = _places(first), _places(second)
        space = first.space
        if first.space.to_picture != second.space.to_picture:
            space = PICTURE
            one, other = first.space.in_picture(one), second.space.in_picture(other)
        start, end = _nearest(one, other)
        distance = math.dist(start, end)
        distance_mm = _in_mm(first, second)
        text = f"{distance:.2f} px" if distance_mm is None else f"{distance_mm:.3f} mm"
        line = Line(
            x1=start[0],
            y1=start[1],
            x2=end[0],
            y2=end[1],
            label=f"{self.label} {text}" if self.label else text,
        )
        measured: dict[str, JsonValue] = {"distance_px": round(distance, 4)}
        if distance_mm is not None:
            measured["distance_mm"] = round(distance_mm, 5)
        return Result(
            outputs={"distance": distance, "distance_mm": distance_mm},
            measurements=measured,
            overlay=(line,),
            drawn_in=space,
        )


def _places(feature: Feature) -> Points:
    """`(1, 2)` a point, `(2, 2)` a line."""
    match feature:
        case LineFeature():
            return np.array([feature.start, feature.end], np.float64)
        case CircleFeature():
            return np.array([(feature.cx, feature.cy)], np.float64)
        case _:
            return np.array([(feature.x, feature.y)], np.float64)


def _in_mm(first: Feature, second: Feature) -> float | None:
    one, other = _mm(first.space, first), _mm(second.space, second)
    if one is None or other is None:
        return None
    return math.dist(*_nearest(one, other))


def _mm(space: Space, feature: Feature) -> Points | None:
    return space.in_mm(_places(feature))


def _nearest(one: Points, other: Points) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two ends of the distance; of two lines, from the middle of the first."""
    if len(one) == 2 and len(other) == 1:
        end, start = _nearest(other, one)
        return start, end
    place = one.mean(axis=0)
    if len(other) == 1:
        return _pair(place), _pair(other[0])
    along = other[1] - other[0]
    part = float((place - other[0]) @ along / max(float(along @ along), 1e-12))
    return _pair(place), _pair(other[0] + part * along)


def _pair(place: Points) -> tuple[float, float]:
    return float(place[0]), float(place[1])
