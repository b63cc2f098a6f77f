"""Is the picture in focus: Laplacian variance or Tenengrad (Pertuz and others, 2013)."""

from typing import ClassVar, Literal

import cv2
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline


class Sharpness(Params):
    """Measure focus; the figure is higher the sharper the picture is, whatever its unit."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("sharpness", PortType.NUMBER),
        gives("is_sharp", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline("shapes", ("sharpness", {"minimum": 100}))

    tool: Literal["sharpness"] = "sharpness"
    method: Literal["laplacian", "tenengrad"] = Field(
        "laplacian", description="laplacian: variance of it; tenengrad: mean squared gradient."
    )
    minimum: float = Field(100.0, ge=0, description="From here on the picture counts as sharp.")

    def run(self, image: Image) -> Result:
        """Any image → one figure."""
        grey = grey_pixels(image)
        if self.method == "laplacian":
            _, spread = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
            value = float(spread[0, 0]) ** 2
        else:
            across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
            down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
            value = float(
                cv2.mean(cv2.add(cv2.multiply(across, across), cv2.multiply(down, down)))[0]
            )
        is_sharp = value >= self.minimum
        return Result(
            outputs={"sharpness": value, "is_sharp": is_sharp},
            measurements={"sharpness": round(value, 3), "is_sharp": is_sharp},
        )
