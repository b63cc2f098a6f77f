"""Noise goes before measuring: Gaussian, median, or bilateral (Tomasi and Manduchi, 1998)."""

from typing import ClassVar, Literal

import cv2
from pydantic import Field, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline


class Blur(Params):
    """Smooth an image: gaussian for sensor noise, median for specks, bilateral to keep edges."""

    category: ClassVar[str] = "filter"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("image", PortType.IMAGE),)
    example: ClassVar[Example] = sample_pipeline(
        "blobs", ("blur", {"method": "median", "size": 5}), ("blob_detection", {"min_area": 1})
    )

    tool: Literal["blur"] = "blur"
    method: Literal["gaussian", "median", "bilateral", "box"] = Field(
        "gaussian", description="How neighbours are averaged."
    )
    size: Whole = Field(5, ge=1, le=99, description="Width of the window in pixels, odd.")
    sigma_px: float = Field(
        0.0, ge=0, le=50, description="gaussian: standard deviation; from the size if 0."
    )
    sigma_grey: float = Field(
        40.0, gt=0, le=255, description="bilateral: levels that still count as the same surface."
    )

    @field_validator("size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("size must be odd")
        return value

    def run(self, image: Image) -> Result:
        """Any image → the same, smoother."""
        pixels, size = image.pixels, self.size
        match self.method:
            case "gaussian":
                made = cv2.GaussianBlur(pixels, (size, size), self.sigma_px)
            case "median":
                made = cv2.medianBlur(pixels, size)
            case "bilateral":
                made = cv2.bilateralFilter(pixels, min(size, 25), self.sigma_grey, size / 2)
            case "box":
                made = cv2.blur(pixels, (size, size))
        return Result(outputs={"image": image.like(as_pixels(made))})
