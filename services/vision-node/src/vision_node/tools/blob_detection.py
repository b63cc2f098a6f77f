"""Blob detection by a fixed threshold and connected components (contract, chapter 5)."""

import math
from typing import ClassVar, Literal

import cv2
from pydantic import Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, Pixels, as_pixels, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.regions import find_regions

# Grey levels about the threshold within which camera noise could turn a pixel.
UNSURE_LEVELS = 5


class BlobDetection(Params):
    """Find connected regions brighter or darker than a threshold: count, place, area, shape."""

    category: ClassVar[str] = "detection"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("blob_count", PortType.NUMBER, unit="count"),
    )
    example: ClassVar[Example] = sample_pipeline(
        "blobs", ("blob_detection", {"min_area": 100, "max_area": 10000, "threshold": 128})
    )

    tool: Literal["blob_detection"] = "blob_detection"
    min_area: float = Field(100, ge=0, description="Smallest area that counts, in square pixels.")
    max_area: float | None = Field(
        None, ge=0, description="Largest area that counts, in square pixels; no limit by default."
    )
    threshold: Whole = Field(128, ge=0, le=255, description="Grey level.")
    polarity: Literal["bright", "dark"] = Field(
        "bright", description="bright: above the threshold; dark: at or below it."
    )

    @field_validator("max_area")
    @classmethod
    def _not_below_min(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value < info.data.get("min_area", 0):
            raise ValueError("max_area must not be less than min_area")
        return value

    def run(self, image: Image) -> Result:
        """Any image → mask `(H, W)` uint8, 255 inside a blob that counts; sub-pixel centroids."""
        grey = grey_pixels(image)
        mode = cv2.THRESH_BINARY if self.polarity == "bright" else cv2.THRESH_BINARY_INV
        binary = as_pixels(cv2.threshold(grey, self.threshold, 255, mode)[1])
        limit = math.inf if self.max_area is None else self.max_area
        blobs = find_regions(binary, min_area=self.min_area, max_area=limit)
        measured: dict[str, JsonValue] = {
            "blob_count": blobs.count,
            "blob_locations": [blob.as_json(image.space) for blob in blobs.listed],
        }
        if len(blobs.listed) < blobs.count:
            measured["blob_locations_omitted"] = blobs.count - len(blobs.listed)
        return Result(
            outputs={"mask": image.like(blobs.mask), "blob_count": blobs.count},
            measurements=measured,
            overlay=blobs.shapes("blob"),
            confidence=self._confidence(grey, blobs.area_px),
        )

    def _confidence(self, grey: Pixels, area_px: int) -> float:
        """How much of what was found (else, of the picture) is clear of the threshold, 0 to 1."""
        low, high = self.threshold - UNSURE_LEVELS, self.threshold + UNSURE_LEVELS
        unsure = cv2.countNonZero(cv2.inRange(grey, (max(low, 0),), (min(high, 255),)))
        return 1.0 - min(1.0, unsure / (area_px or grey.size))
