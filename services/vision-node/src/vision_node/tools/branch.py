"""Sends a picture one way or the other; what hangs on the other way is skipped."""

from typing import ClassVar, Literal

from common.schemas.vision import PortDescription
from vision_node.imaging import Image
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph


class Branch(Params):
    """Go on with one part of the pipeline when a verdict is true, with the other when it is not."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("condition", PortType.FLAG),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("when_true", PortType.IMAGE),
        gives("when_false", PortType.IMAGE),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "shapes"},
        {
            "focus": ("sharpness", {"minimum": 50}),
            "sharp": ("branch", {}),
            "measure": ("caliper", {"x1": 20, "y1": 170, "x2": 300, "y2": 170}),
            "rough": ("blob_detection", {"min_area": 100}),
        },
        "picture.image>focus",
        "picture.image>sharp",
        "focus.is_sharp>sharp.condition",
        "sharp.when_true>measure",
        "sharp.when_false>rough",
    )

    tool: Literal["branch"] = "branch"

    def run(self, image: Image, condition: bool) -> Result:
        """The image on one output, nothing on the other."""
        return Result(
            outputs={
                "when_true": image if condition else None,
                "when_false": None if condition else image,
            },
            measurements={"condition": condition},
        )
