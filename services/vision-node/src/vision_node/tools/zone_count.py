"""How many objects stand in a zone, and how many have come and gone."""

from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.detections import Detection, Detections
from vision_node.overlay import Point, Polygon
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

Coordinate = Annotated[float, Field(ge=-65536, le=65536)]
Corner = Annotated[tuple[Coordinate, Coordinate], Field(strict=False)]


class ZoneCount(Params):
    """Count the objects whose foot is inside a polygon; tracks are also counted in and out."""

    category: ClassVar[str] = "tracking"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("detections", PortType.DETECTIONS),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("count", PortType.NUMBER, unit="count"),
        gives("entered", PortType.NUMBER, unit="count"),
        gives("left", PortType.NUMBER, unit="count"),
        gives("is_occupied", PortType.FLAG),
        gives("inside", PortType.TRACKS),
    )
    example: ClassVar[Example] = sample_pipeline(
        "people",
        ("people_detection", {"min_confidence": 0.3}),
        ("zone_count", {"polygon": [[100, 60], [470, 60], [470, 265], [100, 265]], "name": "A"}),
    )

    tool: Literal["zone_count"] = "zone_count"
    polygon: Annotated[tuple[Corner, ...], Field(strict=False)] = Field(
        min_length=3, max_length=100, description="Corners x, y of the zone in pixels."
    )
    name: str = Field("zone", max_length=60, description="What stands beside it.")
    anchor: Literal["foot", "centre"] = Field(
        "foot", description="foot: the middle of the lower edge; centre: of the box."
    )

    def new_memory(self) -> dict[str, Any]:
        """Who is inside, and how many have come and gone."""
        return {"inside": set(), "entered": 0, "left": 0}

    def run(self, detections: Detections, memory: dict[str, Any]) -> Result:
        """Detections or tracks → those inside. A track that is hidden for a frame has not left."""
        outline = np.array(self.polygon, np.float32)
        inside = [one for one in detections.items if self._is_inside(one, outline)]
        now = {one.track_id for one in inside if one.track_id is not None}
        outside = {one.track_id for one in detections.items if one.track_id is not None} - now
        gone = memory["inside"] & outside
        memory["entered"] += len(now - memory["inside"])
        memory["left"] += len(gone)
        memory["inside"] = (memory["inside"] | now) - gone
        listed: list[JsonValue] = [one.as_json() for one in inside]
        zone = Polygon(
            points=self.polygon,
            role="found" if inside else "guide",
            label=f"{self.name}: {len(inside)}",
        )
        marks = (Point(x=x, y=y) for x, y in map(self._anchor, inside))
        counts = {"entered": memory["entered"], "left": memory["left"]}
        return Result(
            outputs={
                "count": len(inside),
                **counts,
                "is_occupied": bool(inside),
                "inside": Detections(tuple(inside), detections.space),
            },
            measurements={"zone": self.name, "count": len(inside), **counts, "objects": listed},
            overlay=(zone, *marks),
            drawn_in=detections.space,
        )

    def _anchor(self, one: Detection) -> tuple[float, float]:
        return one.foot if self.anchor == "foot" else (one.foot[0], (one.y1 + one.y2) / 2)

    def _is_inside(self, one: Detection, outline: np.ndarray) -> bool:
        return cv2.pointPolygonTest(outline, self._anchor(one), False) >= 0
