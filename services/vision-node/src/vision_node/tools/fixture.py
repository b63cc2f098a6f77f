"""A coordinate system that moves with the part: what is measured after it follows the part."""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.features import Pose, fixture_between
from vision_node.overlay import Line
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph

_ARM_PX = 30.0


class Fixture(Params):
    """Make a fixture of a match: regions drawn on the reference picture follow the part."""

    category: ClassVar[str] = "location"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("pose", PortType.POSE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("fixture", PortType.FIXTURE),
        gives("x", PortType.NUMBER, unit="px"),
        gives("y", PortType.NUMBER, unit="px"),
        gives("angle", PortType.NUMBER, unit="deg"),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "parts", "reference": "part"},
        {
            "bracket": ("crop", {"x": 34, "y": 26, "width": 93, "height": 69}),
            "found": ("pattern_matching", {"min_score": 0.6}),
            "part": ("fixture", {}),
            "hole": ("find_circle", {"cx": 54, "cy": 46, "radius": 7, "search_px": 4}),
            "arm": ("caliper", {"x1": 90, "y1": 20, "x2": 90, "y2": 70}),
        },
        "reference.image>bracket",
        "picture.image>found.image",
        "bracket.image>found.template",
        "found.pose>part",
        "picture.image>hole.image",
        "part.fixture>hole.fixture",
        "picture.image>arm.image",
        "part.fixture>arm.fixture",
    )

    tool: Literal["fixture"] = "fixture"
    reference_x: float | None = Field(
        None, description="Where the part lay when the regions were drawn; as taught by default."
    )
    reference_y: float | None = Field(None, description="The same, y.")
    reference_angle_deg: float = Field(0.0, ge=-360, le=360, description="Its angle then.")

    def run(self, pose: Pose) -> Result:
        """Pose → fixture."""
        taught = pose.reference or (pose.x, pose.y)
        x = taught[0] if self.reference_x is None else self.reference_x
        y = taught[1] if self.reference_y is None else self.reference_y
        made = fixture_between(Pose(x, y, self.reference_angle_deg), pose)
        turn = math.radians(pose.angle_deg)
        arms = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        overlay = tuple(
            Line(
                x1=pose.x,
                y1=pose.y,
                x2=pose.x + _ARM_PX * float(dx),
                y2=pose.y + _ARM_PX * float(dy),
                role="guide",
                label=name,
            )
            for name, (dx, dy) in zip("xy", arms.tolist(), strict=True)
        )
        return Result(
            outputs={"fixture": made, "x": pose.x, "y": pose.y, "angle": pose.angle_deg},
            measurements={
                "x": round(pose.x, 3),
                "y": round(pose.y, 3),
                "angle_deg": round(pose.angle_deg, 3),
                "reference": {"x": round(x, 3), "y": round(y, 3)},
            },
            overlay=overlay,
        )
