"""People by the model that every node ships; tiles for those far away."""

from typing import ClassVar, Literal

from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.detections import Detections
from vision_node.imaging import Image
from vision_node.inference.detecting import Tiling, Wanted, detect
from vision_node.inference.manifest import ModelError
from vision_node.inference.sessions import Models
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)


class PeopleDetection(Params):
    """Find people; cut the picture into tiles where they are less than a third of its height."""

    category: ClassVar[str] = "detection"
    uses_models: ClassVar[bool] = True
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("detections", PortType.DETECTIONS),
        gives("count", PortType.NUMBER, unit="count"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "people", ("people_detection", {"min_confidence": 0.4})
    )

    tool: Literal["people_detection"] = "people_detection"
    model: str = Field("person_ssdlite", max_length=64, description="A model that knows people.")
    min_confidence: float = Field(0.4, gt=0, le=1, description="Least certainty.")
    overlap: float = Field(
        0.45, ge=0, le=1, description="Boxes that overlap by more are one person."
    )
    tiles_across: Whole = Field(1, ge=1, le=6, description="Parts a row, for distant people.")
    tiles_down: Whole = Field(1, ge=1, le=6, description="Parts a column, for distant people.")
    label: str = Field("person", max_length=64, description="What the model calls a person.")

    def run(self, image: Image, models: Models) -> Result:
        """Any image → the people in it, the most certain first."""
        wanted = Wanted(self.min_confidence, self.overlap, (self.label,))
        try:
            found = detect(
                models.get(self.model),
                image,
                wanted=wanted,
                tiling=Tiling(self.tiles_across, self.tiles_down),
            )
        except ModelError as error:
            raise ToolError(str(error)) from error
        detections = Detections(tuple(found), image.space)
        return Result(
            outputs={"detections": detections, "count": len(found), "is_found": bool(found)},
            measurements={"people": len(found), "detections": [one.as_json() for one in found]},
            overlay=detections.shapes(),
            confidence=min((one.confidence for one in found), default=None),
        )
