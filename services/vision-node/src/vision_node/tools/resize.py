"""Another size of the same picture; what is found later still lies where it was."""

from typing import Annotated, ClassVar, Literal

import cv2
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)
from vision_node.spaces import scaled

MAX_PIXELS = 64_000_000
Side = Annotated[Whole, Field(ge=1, le=16384)]
_METHODS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
}


class Resize(Params):
    """Scale an image by a factor, or to a width or height."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("image", PortType.IMAGE),
        gives("width", PortType.NUMBER, unit="px"),
        gives("height", PortType.NUMBER, unit="px"),
    )
    example: ClassVar[Example] = sample_pipeline("blobs", ("resize", {"scale": 0.5}))

    tool: Literal["resize"] = "resize"
    scale: float = Field(1.0, gt=0, le=16, description="Factor where neither size is given.")
    width: Side | None = Field(None, description="Width in pixels.")
    height: Side | None = Field(None, description="Height in pixels.")
    method: Literal["auto", "nearest", "linear", "cubic", "area"] = Field(
        "auto", description="auto: area when it becomes smaller, linear when larger."
    )

    def run(self, image: Image) -> Result:
        """Any image → the same in another size; one size given keeps the proportions."""
        width, height = self._size(image)
        if width * height > MAX_PIXELS:
            raise ToolError(
                f"{width} × {height} pixels are more than {MAX_PIXELS // 10**6} million"
            )
        across, down = width / image.width, height / image.height
        method = _METHODS.get(
            self.method, cv2.INTER_AREA if across * down < 1 else cv2.INTER_LINEAR
        )
        pixels = as_pixels(cv2.resize(image.pixels, (width, height), interpolation=method))
        made = Image(pixels, image.space.within(scaled(1 / across, 1 / down)))
        return Result(
            outputs={"image": made, "width": width, "height": height},
            measurements={"width": width, "height": height},
        )

    def _size(self, image: Image) -> tuple[int, int]:
        if self.width and self.height:
            return self.width, self.height
        factor = self.scale
        if self.width:
            factor = self.width / image.width
        elif self.height:
            factor = self.height / image.height
        return max(1, round(image.width * factor)), max(1, round(image.height * factor))
