"""From colour to one channel: brightness, or the channel in which a part stands out best."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels, bgr_pixels, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

_HSV = {"hue": 0, "saturation": 1, "value": 2}
_BGR = {"blue": 0, "green": 1, "red": 2}


class Grey(Params):
    """Make a grey image: the brightness, or one channel of the colours."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("grey", PortType.GREY),)
    example: ClassVar[Example] = sample_pipeline("colors", ("grey", {"channel": "saturation"}))

    tool: Literal["grey"] = "grey"
    channel: Literal["brightness", "red", "green", "blue", "hue", "saturation", "value"] = Field(
        "brightness", description="What becomes the grey level; hue goes from 0 to 179."
    )
    invert: bool = Field(False, description="Dark becomes bright.")

    def run(self, image: Image) -> Result:
        """Any image → `(H, W)` uint8."""
        grey = grey_pixels(image)
        if self.channel in _BGR:
            grey = np.ascontiguousarray(bgr_pixels(image)[:, :, _BGR[self.channel]])
        elif self.channel in _HSV:
            hsv = cv2.cvtColor(bgr_pixels(image), cv2.COLOR_BGR2HSV)
            grey = as_pixels(cv2.extractChannel(hsv, _HSV[self.channel]))
        if self.invert:
            grey = as_pixels(cv2.bitwise_not(grey))
        return Result(outputs={"grey": image.like(grey)})
