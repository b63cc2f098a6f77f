"""Finds a taught picture again where it is only shifted: the fastest way to locate a part."""

from typing import ClassVar, Literal

from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.matched import MATCH_OUTPUTS, matches_result
from vision_node.matching import Match, peaks, scores_of, sub_pixel
from vision_node.pipeline.ports import PortType, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_graph,
)


class TemplateMatching(Params):
    """Find a template by normalised correlation, to a fraction of a pixel; no turn, no scale."""

    category: ClassVar[str] = "location"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("template", PortType.IMAGE),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = MATCH_OUTPUTS
    example: ClassVar[Example] = sample_graph(
        {"picture": "scratched", "reference": "part"},
        {
            "hole": ("crop", {"x": 44, "y": 36, "width": 22, "height": 22}),
            "found": ("template_matching", {"min_score": 0.7}),
        },
        "reference.image>hole",
        "picture.image>found.image",
        "hole.image>found.template",
    )

    tool: Literal["template_matching"] = "template_matching"
    min_score: float = Field(0.7, gt=0, le=1, description="Least likeness, 1 is the same.")
    max_matches: Whole = Field(1, ge=1, le=200, description="How many are looked for.")

    def run(self, image: Image, template: Image) -> Result:
        """Any images → where the template's centre is seen, the best first."""
        grey, taught = grey_pixels(image), grey_pixels(template)
        if template.height > image.height or template.width > image.width:
            raise ToolError("the template is larger than the picture")
        if taught.min() == taught.max():
            raise ToolError("the template is all of one grey level: nothing tells it apart")
        scores = scores_of(grey, taught)
        size = (template.width, template.height)
        found = []
        for x, y, score in peaks(scores, least=self.min_score, count=self.max_matches, apart=size):
            fine_x, fine_y = sub_pixel(scores, x, y)
            centre = fine_x + (size[0] - 1) / 2, fine_y + (size[1] - 1) / 2
            found.append(Match(*centre, score=min(1.0, score)))
        return matches_result(found, image=image, template=template)
