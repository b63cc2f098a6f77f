"""Objects by an ONNX model of the node's folder: SSD and YOLO, class names, NMS, tiles."""

from typing import Annotated, ClassVar, Literal

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

Label = Annotated[str, Field(min_length=1, max_length=64)]


class ObjectDetection(Params):
    """Find objects by a model: what they are, where, how certain."""

    category: ClassVar[str] = "detection"
    uses_models: ClassVar[bool] = True
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("detections", PortType.DETECTIONS),
        gives("count", PortType.NUMBER, unit="count"),
        gives("is_found", PortType.FLAG),
        gives("label", PortType.TEXT),
    )
    example: ClassVar[Example] = sample_pipeline(
        "people", ("object_detection", {"model": "person_ssdlite", "min_confidence": 0.4})
    )

    tool: Literal["object_detection"] = "object_detection"
    model: str = Field(
        "person_ssdlite", max_length=64, description="A model of the node's folder, by name."
    )
    min_confidence: float = Field(0.5, gt=0, le=1, description="Least certainty.")
    overlap: float = Field(
        0.45, ge=0, le=1, description="Boxes of one class that overlap by more are one object."
    )
    labels: Annotated[tuple[Label, ...], Field(strict=False)] = Field(
        (), max_length=200, description="Classes that count; all by default."
    )
    max_count: Whole = Field(100, ge=1, le=1000, description="Most objects of a picture.")
    tiles: Whole = Field(
        1, ge=1, le=6, description="Cut the picture into so many parts a side, for small objects."
    )

    def run(self, image: Image, models: Models) -> Result:
        """Any image → detections, the most certain first; the label is that of the first."""
        wanted = Wanted(self.min_confidence, self.overlap, self.labels, self.max_count)
        try:
            model = models.get(self.model)
            unknown = set(self.labels) - set(model.manifest.all_labels)
            if unknown:
                known = ", ".join(model.manifest.all_labels[:50])
                raise ToolError(f"the model does not know {sorted(unknown)[0]!r}, but {known}")
            tiling = Tiling(self.tiles, self.tiles)
            found = detect(model, image, wanted=wanted, tiling=tiling)
        except ModelError as error:
            raise ToolError(str(error)) from error
        detections = Detections(tuple(found), image.space)
        return Result(
            outputs={
                "detections": detections,
                "count": len(found),
                "is_found": bool(found),
                "label": found[0].label if found else None,
            },
            measurements={
                "count": len(found),
                "detections": [one.as_json() for one in found],
            },
            overlay=detections.shapes(),
            confidence=min((one.confidence for one in found), default=None),
        )
