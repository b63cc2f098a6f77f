"""Hands people on to the tracking service, as it wants them (contract, chapter 6)."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.detections import Detection, Detections
from vision_node.imaging import Image
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_graph


class ReportPeople(Params):
    """Report tracked people as observations of a floor camera; only a live stream is sent."""

    category: ClassVar[str] = "tracking"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("people", PortType.DETECTIONS),
        takes("image", PortType.IMAGE),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("count", PortType.NUMBER, unit="count"),
    )
    example: ClassVar[Example] = sample_graph(
        {"source": "people"},
        {
            "detect": ("people_detection", {"min_confidence": 0.3}),
            "track": ("track_objects", {"min_hits": 1}),
            "report": (
                "report_people",
                {"camera_id": "CAM01", "width_px": 1920, "height_px": 1080},
            ),
        },
        "source>detect",
        "detect.detections>track.detections",
        "track.tracks>report.people",
        "source.image>report.image",
    )

    tool: Literal["report_people"] = "report_people"
    camera_id: str = Field(min_length=1, max_length=64, description="The camera of the floor.")
    width_px: Whole = Field(
        ge=16, le=16384, description="Width of the camera's picture as tracking knows it."
    )
    height_px: Whole = Field(
        ge=16, le=16384, description="Height of the camera's picture as tracking knows it."
    )

    def run(self, people: Detections, image: Image) -> Result:
        """Tracks of one frame → observations in pixels of the camera's resolution."""
        across, down = self.width_px / image.width, self.height_px / image.height
        seen: list[JsonValue] = [
            self._seen(one, across, down) for one in people.items if one.track_id is not None
        ]
        return Result(
            outputs={"count": len(seen)}, measurements={"count": len(seen), "observations": seen}
        )

    def _seen(self, one: Detection, across: float, down: float) -> dict[str, JsonValue]:
        box = (one.x1 * across, one.y1 * down, one.x2 * across, one.y2 * down)
        return {
            "track_id": one.track_id,
            "bbox": [round(value, 1) for value in box],
            "confidence": round(one.confidence, 4),
            # Who cannot be told to stand still is taken to move.
            "motion": round(1.0 if one.motion is None else min(1.0, one.motion), 3),
            **({"badge_id": one.badge} if one.badge is not None else {}),
        }
