"""Pixels within a range of colours, in OpenCV's ranges, and their regions (contract, chapter 5)."""

from typing import Annotated, Any, ClassVar, Literal

import cv2
from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, Pixels, as_pixels, bgr_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.regions import find_regions

MAX_HUE = 179
Channel = Annotated[Whole, Field(ge=0, le=255)]
Color = Annotated[tuple[Channel, Channel, Channel], Field(strict=False)]


def _hue_limit(schema: dict[str, Any]) -> None:
    """OpenCV halves the hue so that it fits a byte."""
    hue = {"prefixItems": [{"maximum": MAX_HUE}]}
    schema["allOf"] = [
        {
            "if": {"properties": {"color_space": {"const": "hsv"}}},
            "then": {"properties": {"lower": hue, "upper": hue}},
        }
    ]


class ColorFilter(Params):
    """Select the pixels of a colour range in HSV, Lab or BGR; measure their area and regions."""

    model_config = ConfigDict(json_schema_extra=_hue_limit)

    category: ClassVar[str] = "segmentation"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("area_pixels", PortType.NUMBER, unit="px²"),
        gives("area_ratio", PortType.NUMBER),
    )
    example: ClassVar[Example] = sample_pipeline(
        "colors",
        ("color_filter", {"color_space": "hsv", "lower": [100, 80, 60], "upper": [130, 255, 255]}),
    )

    tool: Literal["color_filter"] = "color_filter"
    color_space: Literal["hsv", "lab", "bgr"] = Field(
        "hsv", description="hsv: hue 0–179, saturation and value 0–255; lab and bgr: 0–255 each."
    )
    lower: Color = Field(
        description="Least of each channel. In hsv a hue above upper's goes round through red."
    )
    upper: Color = Field(description="Most of each channel.")
    min_area: float = Field(
        1, ge=0, description="Smallest region that is listed, in square pixels; the mask keeps all."
    )

    @field_validator("lower", "upper")
    @classmethod
    def _hue_in_range(cls, value: Color, info: ValidationInfo) -> Color:
        if info.data.get("color_space") == "hsv" and value[0] > MAX_HUE:
            raise ValueError(f"hue goes from 0 to {MAX_HUE}")
        return value

    @field_validator("upper")
    @classmethod
    def _not_below_lower(cls, value: Color, info: ValidationInfo) -> Color:
        start = 1 if info.data.get("color_space") == "hsv" else 0
        lower = info.data.get("lower", value)
        if any(low > high for low, high in zip(lower[start:], value[start:], strict=True)):
            raise ValueError("upper must not be less than lower")
        return value

    def run(self, image: Image) -> Result:
        """Any image → mask `(H, W)` uint8, 255 where the colour is in the range, ends included."""
        mask = self._mask(bgr_pixels(image))
        regions = find_regions(mask, min_area=self.min_area)
        area = cv2.countNonZero(mask)
        ratio = area / mask.size
        measured: dict[str, JsonValue] = {
            "area_pixels": area,
            "area_ratio": round(ratio, 6),
            "region_count": regions.count,
            "regions": [region.as_json(image.space) for region in regions.listed],
        }
        if len(regions.listed) < regions.count:
            measured["regions_omitted"] = regions.count - len(regions.listed)
        return Result(
            outputs={"mask": image.like(mask), "area_pixels": area, "area_ratio": ratio},
            measurements=measured,
            overlay=regions.shapes("region"),
        )

    def _mask(self, bgr: Pixels) -> Pixels:
        if self.color_space == "bgr":
            return _in_range(bgr, self.lower, self.upper)
        if self.color_space == "lab":
            return _in_range(
                as_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)), self.lower, self.upper
            )
        hsv = as_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV))
        if self.lower[0] <= self.upper[0]:
            return _in_range(hsv, self.lower, self.upper)
        to_red = _in_range(hsv, self.lower, (MAX_HUE, *self.upper[1:]))
        from_red = _in_range(hsv, (0, *self.lower[1:]), self.upper)
        return as_pixels(cv2.bitwise_or(to_red, from_red))


def _in_range(pixels: Pixels, lower: Color, upper: Color) -> Pixels:
    return as_pixels(cv2.inRange(pixels, lower, upper))
