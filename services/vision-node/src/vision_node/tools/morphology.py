"""Shapes grow, shrink, close and open (Serra, 1982)."""

from typing import ClassVar, Literal

import cv2
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline

_OPERATIONS = {
    "erode": cv2.MORPH_ERODE,
    "dilate": cv2.MORPH_DILATE,
    "open": cv2.MORPH_OPEN,
    "close": cv2.MORPH_CLOSE,
    "gradient": cv2.MORPH_GRADIENT,
    "tophat": cv2.MORPH_TOPHAT,
    "blackhat": cv2.MORPH_BLACKHAT,
}
_SHAPES = {"rect": cv2.MORPH_RECT, "ellipse": cv2.MORPH_ELLIPSE, "cross": cv2.MORPH_CROSS}


class Morphology(Params):
    """Clean a mask: open removes specks, close fills gaps, gradient keeps the outline."""

    category: ClassVar[str] = "filter"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("mask", PortType.MASK),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("area_pixels", PortType.NUMBER, unit="px²"),
    )
    example: ClassVar[Example] = sample_pipeline(
        "blobs", ("threshold", {"level": 128}), ("morphology", {"operation": "open", "size": 5})
    )

    tool: Literal["morphology"] = "morphology"
    operation: Literal["erode", "dilate", "open", "close", "gradient", "tophat", "blackhat"] = (
        Field("open", description="What to do with bright shapes.")
    )
    shape: Literal["rect", "ellipse", "cross"] = Field("ellipse", description="Of the element.")
    size: Whole = Field(3, ge=1, le=255, description="Width of the element in pixels.")
    iterations: Whole = Field(1, ge=1, le=50, description="How often it is done.")

    def run(self, mask: Image) -> Result:
        """Mask `(H, W)` uint8 → mask."""
        element = cv2.getStructuringElement(_SHAPES[self.shape], (self.size, self.size))
        made = as_pixels(
            cv2.morphologyEx(
                mask.pixels, _OPERATIONS[self.operation], element, iterations=self.iterations
            )
        )
        area = cv2.countNonZero(made)
        return Result(
            outputs={"mask": mask.like(made), "area_pixels": area},
            measurements={"area_pixels": area},
        )
