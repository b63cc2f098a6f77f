"""A part of a picture to look at; with a fixture it follows the part that is inspected."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.features import Fixture
from vision_node.imaging import Image, as_pixels
from vision_node.overlay import Polygon
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)
from vision_node.spaces import Homography, shifted


class Crop(Params):
    """Cut a rectangle out; on a part that is turned, the rectangle turns with it."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("image", PortType.IMAGE),)
    example: ClassVar[Example] = sample_pipeline(
        "colors",
        ("crop", {"x": 30, "y": 30, "width": 80, "height": 80}),
        ("color_filter", {"lower": [170, 80, 60], "upper": [10, 255, 255]}),
    )

    tool: Literal["crop"] = "crop"
    x: Whole = Field(ge=0, le=65535, description="Left edge in pixels.")
    y: Whole = Field(ge=0, le=65535, description="Top edge in pixels.")
    width: Whole = Field(ge=1, le=16384, description="Width in pixels.")
    height: Whole = Field(ge=1, le=16384, description="Height in pixels.")
    label: str | None = Field(None, max_length=60, description="What stands beside it.")

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → the part of it; what lies beyond its edge is cut off, or black if turned."""
        if fixture is not None:
            return self._turned(image, fixture)
        width = min(self.width, image.width - self.x)
        height = min(self.height, image.height - self.y)
        if width < 1 or height < 1:
            size = f"{image.width} × {image.height}"
            raise ToolError(f"the region at {self.x}, {self.y} is outside of the {size} picture")
        pixels = image.pixels[self.y : self.y + height, self.x : self.x + width]
        return self._result(image, pixels, shifted(self.x, self.y))

    def _turned(self, image: Image, fixture: Fixture) -> Result:
        back = Homography(fixture.onto_part.matrix @ shifted(self.x, self.y).matrix)
        pixels = cv2.warpPerspective(
            image.pixels,
            back.matrix,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        return self._result(image, as_pixels(pixels), back)

    def _result(self, image: Image, pixels: np.ndarray, back: Homography) -> Result:
        made = Image(as_pixels(np.ascontiguousarray(pixels)), image.space.within(back))
        right, bottom = made.width - 1.0, made.height - 1.0
        frame = ((0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom))
        outline = Polygon(points=frame, role="guide", label=self.label)
        return Result(outputs={"image": made}, overlay=(outline,), drawn_in=made.space)
