"""Bright from dark: at a fixed level, where Otsu (1979) finds it, or by each neighbourhood."""

from typing import ClassVar, Literal

import cv2
from pydantic import Field, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, Pixels, as_pixels, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline


class Threshold(Params):
    """Make a mask of what is brighter or darker than a level."""

    category: ClassVar[str] = "segmentation"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("level", PortType.NUMBER, unit="grey"),
        gives("area_pixels", PortType.NUMBER, unit="px²"),
        gives("area_ratio", PortType.NUMBER),
    )
    example: ClassVar[Example] = sample_pipeline("blobs", ("threshold", {"method": "otsu"}))

    tool: Literal["threshold"] = "threshold"
    method: Literal["fixed", "otsu", "adaptive"] = Field(
        "fixed",
        description="fixed: at the level; otsu: where two classes part best; "
        "adaptive: against the mean of the neighbourhood, for uneven light.",
    )
    level: Whole = Field(128, ge=0, le=255, description="fixed: grey level.")
    polarity: Literal["bright", "dark"] = Field(
        "bright", description="bright: above the level; dark: at or below it."
    )
    window: Whole = Field(31, ge=3, le=999, description="adaptive: neighbourhood in pixels, odd.")
    offset: float = Field(
        10.0, ge=-255, le=255, description="adaptive: levels by which a pixel must differ."
    )

    @field_validator("window")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("window must be odd")
        return value

    def run(self, image: Image) -> Result:
        """Any image → mask `(H, W)` uint8, 255 where it holds; adaptive has no one level."""
        grey = grey_pixels(image)
        level, mask = self._split(grey)
        area = cv2.countNonZero(mask)
        ratio = area / mask.size
        return Result(
            outputs={
                "mask": image.like(mask),
                "level": level,
                "area_pixels": area,
                "area_ratio": ratio,
            },
            measurements={"level": level, "area_pixels": area, "area_ratio": round(ratio, 6)},
        )

    def _split(self, grey: Pixels) -> tuple[float | None, Pixels]:
        is_bright = self.polarity == "bright"
        mode = cv2.THRESH_BINARY if is_bright else cv2.THRESH_BINARY_INV
        if self.method == "adaptive":
            return None, self._adaptive(grey, is_bright)
        if self.method == "otsu":
            level, mask = cv2.threshold(grey, 0, 255, mode | cv2.THRESH_OTSU)
        else:
            level, mask = cv2.threshold(grey, self.level, 255, mode)
        return float(level), as_pixels(mask)

    def _adaptive(self, grey: Pixels, is_bright: bool) -> Pixels:
        mean = cv2.boxFilter(grey, cv2.CV_32F, (self.window, self.window))
        above = cv2.subtract(grey, mean, dtype=cv2.CV_32F)
        if is_bright:
            return as_pixels((above > self.offset).astype("uint8") * 255)
        return as_pixels((above < -self.offset).astype("uint8") * 255)
