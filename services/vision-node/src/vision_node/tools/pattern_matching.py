"""Finds a taught part again though it is turned or of another size."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.matched import MATCH_OUTPUTS, matches_result
from vision_node.matching import Ranges, find_pattern
from vision_node.pipeline.ports import PortType, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_graph,
)


class PatternMatching(Params):
    """Find a template in any turn and size: place, angle and scale of each part."""

    category: ClassVar[str] = "location"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("template", PortType.IMAGE),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = MATCH_OUTPUTS
    example: ClassVar[Example] = sample_graph(
        {"picture": "parts", "reference": "part"},
        {
            "bracket": ("crop", {"x": 34, "y": 26, "width": 93, "height": 69}),
            "found": ("pattern_matching", {"max_matches": 2, "min_score": 0.6}),
        },
        "reference.image>bracket",
        "picture.image>found.image",
        "bracket.image>found.template",
    )

    tool: Literal["pattern_matching"] = "pattern_matching"
    min_score: float = Field(0.7, gt=0, le=1, description="Least likeness, 1 is the same.")
    max_matches: Whole = Field(1, ge=1, le=50, description="How many are looked for.")
    min_angle_deg: float = Field(-180.0, ge=-360, le=360, description="Least turn, clockwise.")
    max_angle_deg: float = Field(180.0, ge=-360, le=360, description="Largest turn.")
    min_scale: float = Field(
        1.0, ge=0.2, le=5, description="Least size, 1 is that of the template."
    )
    max_scale: float = Field(1.0, ge=0.2, le=5, description="Largest size.")

    @model_validator(mode="after")
    def _in_order(self) -> "PatternMatching":
        if self.max_angle_deg < self.min_angle_deg or self.max_scale < self.min_scale:
            raise ValueError("the largest angle and scale must not be less than the least")
        if self.max_angle_deg - self.min_angle_deg > 360:
            raise ValueError("the angles must not go round more than once")
        return self

    def run(self, image: Image, template: Image) -> Result:
        """Any images → the poses at which the template is seen, the best first."""
        taught = grey_pixels(template)
        if min(taught.shape) < 8:
            raise ToolError("the template must be 8 pixels or more each way")
        if taught.min() == taught.max():
            raise ToolError("the template is all of one grey level: nothing tells it apart")
        ranges = Ranges((self.min_angle_deg, self.max_angle_deg), (self.min_scale, self.max_scale))
        try:
            found = find_pattern(
                grey_pixels(image),
                taught,
                ranges=ranges,
                least=self.min_score,
                count=self.max_matches,
            )
        except ValueError as error:
            raise ToolError(str(error)) from error
        return matches_result(found, image=image, template=template)
