"""The angle between two lines and where they cross."""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.features import LineFeature, PointFeature
from vision_node.overlay import Point, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph
from vision_node.spaces import PICTURE, Points


class Angle(Params):
    """Measure the angle between two lines, on the calibrated plane where there is one."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("first", PortType.LINE),
        takes("second", PortType.LINE),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("angle", PortType.NUMBER, unit="deg"),
        gives("crossing", PortType.POINT, unit="px"),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "shapes"},
        {
            "top": ("find_line", {"x1": 70, "y1": 40, "x2": 250, "y2": 40}),
            "left": ("find_line", {"x1": 50, "y1": 60, "x2": 50, "y2": 180}),
            "corner": ("angle", {}),
        },
        "picture.image>top",
        "picture.image>left",
        "top.line>corner.first",
        "left.line>corner.second",
    )

    tool: Literal["angle"] = "angle"
    span: Literal["acute", "full"] = Field(
        "acute", description="acute: 0 to 90; full: 0 to 180, clockwise from first to second."
    )

    def run(self, first: LineFeature, second: LineFeature) -> Result:
        """Degrees; the crossing is None where the lines are parallel."""
        one, other = _ends(first), _ends(second)
        in_mm = first.space.in_mm(one), second.space.in_mm(other)
        space = first.space
        if first.space.to_picture != second.space.to_picture:
            space = PICTURE
            one, other = first.space.in_picture(one), second.space.in_picture(other)
        flat = one, other
        if in_mm[0] is not None and in_mm[1] is not None:
            flat = in_mm[0], in_mm[1]
        angle = (_direction(flat[1]) - _direction(flat[0])) % 180
        if self.span == "acute":
            angle = min(angle, 180 - angle)
        place = _crossing(one, other)
        measured: dict[str, JsonValue] = {"angle_deg": round(angle, 4)}
        crossing, overlay = None, list[Shape]()
        if place is not None:
            crossing = PointFeature(*place, space)
            measured["crossing"] = dict(crossing.as_json())
            overlay.append(Point(x=place[0], y=place[1], label=f"{angle:.2f} deg"))
        return Result(
            outputs={"angle": angle, "crossing": crossing},
            measurements=measured,
            overlay=tuple(overlay),
            drawn_in=space,
        )


def _ends(line: LineFeature) -> Points:
    return np.array([line.start, line.end], np.float64)


def _direction(ends: Points) -> float:
    across, down = ends[1] - ends[0]
    return math.degrees(math.atan2(down, across))


def _crossing(one: Points, other: Points) -> tuple[float, float] | None:
    a, b = one[1] - one[0], other[1] - other[0]
    turn = float(a[0] * b[1] - a[1] * b[0])
    if abs(turn) < 1e-9 * float(np.hypot(*a) * np.hypot(*b)) or turn == 0:
        return None
    apart = other[0] - one[0]
    part = float(apart[0] * b[1] - apart[1] * b[0]) / turn
    return float(one[0][0] + part * a[0]), float(one[0][1] + part * a[1])
