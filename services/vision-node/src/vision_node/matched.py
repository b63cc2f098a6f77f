"""What both matching tools give: ports, measurements and outlines of what was found."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import JsonValue

from common.schemas.vision import PortDescription
from vision_node.features import Pose
from vision_node.imaging import Image
from vision_node.matching import Match
from vision_node.overlay import Point, Polygon, Shape
from vision_node.pipeline.ports import PortType, gives
from vision_node.pipeline.tool import Result

MATCH_OUTPUTS: Final[tuple[PortDescription, ...]] = (
    gives("pose", PortType.POSE, unit="px"),
    gives("score", PortType.NUMBER),
    gives("count", PortType.NUMBER, unit="count"),
    gives("is_found", PortType.FLAG),
)


def matches_result(found: Sequence[Match], *, image: Image, template: Image) -> Result:
    """The best match on the ports, all of them in the record."""
    middle = np.array([[(template.width - 1) / 2, (template.height - 1) / 2]], np.float64)
    taught = template.space.in_picture(middle)[0].tolist()
    poses = [
        Pose(m.x, m.y, m.angle_deg, m.scale, image.space, (taught[0], taught[1])) for m in found
    ]
    shapes: list[Shape] = []
    matches: list[JsonValue] = []
    for match, pose in zip(found, poses, strict=True):
        outline = match.corners(template.width, template.height)
        shapes.append(Polygon(points=outline, label=f"{match.score:.2f}"))
        shapes.append(Point(x=match.x, y=match.y))
        matches.append({**pose.as_json(), "score": round(match.score, 4)})
    best = found[0].score if found else None
    return Result(
        outputs={
            "pose": poses[0] if poses else None,
            "score": best,
            "count": len(found),
            "is_found": bool(found),
        },
        measurements={"is_found": bool(found), "count": len(found), "matches": matches},
        overlay=tuple(shapes),
        confidence=best or 0.0,
        drawn_in=image.space,
    )
