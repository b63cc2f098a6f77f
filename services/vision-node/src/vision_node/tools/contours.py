"""Outlines of a mask with every measure of their shape."""

import math
from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image
from vision_node.outlines import MAX_OUTLINES, Outline, find_outlines
from vision_node.overlay import Polygon, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

MAX_DRAWN = 150


class Contours(Params):
    """Measure the shapes of a mask: area, length, width, angle, roundness, solidity, holes."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("mask", PortType.MASK),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("regions", PortType.REGIONS),
        gives("count", PortType.NUMBER, unit="count"),
        gives("area", PortType.NUMBER, unit="px²"),
        gives("length", PortType.NUMBER, unit="px"),
        gives("width", PortType.NUMBER, unit="px"),
        gives("length_mm", PortType.NUMBER, unit="mm"),
        gives("width_mm", PortType.NUMBER, unit="mm"),
        gives("angle", PortType.NUMBER, unit="deg"),
        gives("circularity", PortType.NUMBER),
    )
    example: ClassVar[Example] = sample_pipeline(
        "parts", ("threshold", {"method": "otsu"}), ("contours", {"min_area": 500})
    )

    tool: Literal["contours"] = "contours"
    min_area: float = Field(20.0, ge=0, description="Smallest area in square pixels.")
    max_area: float | None = Field(None, ge=0, description="Largest area; no limit by default.")
    skip_border: bool = Field(False, description="Leave out shapes that touch the picture's edge.")

    @field_validator("max_area")
    @classmethod
    def _not_below_min(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value < info.data.get("min_area", 0):
            raise ValueError("max_area must not be less than min_area")
        return value

    def run(self, mask: Image) -> Result:
        """Mask → its shapes, the largest first; single figures are those of the largest."""
        limit = math.inf if self.max_area is None else self.max_area
        found = find_outlines(mask.pixels, min_area=self.min_area, max_area=limit, space=mask.space)
        if self.skip_border:
            found = [one for one in found if _is_inside(one, mask)]
        listed = tuple(found[:MAX_OUTLINES])
        figures = listed[0].figures if listed else {}
        measured: dict[str, JsonValue] = {
            "count": len(found),
            "shapes": [outline.as_json() for outline in listed],
        }
        single = {
            "area": figures.get("area"),
            "length": figures.get("length"),
            "width": figures.get("width"),
            "length_mm": figures.get("length_mm"),
            "width_mm": figures.get("width_mm"),
            "angle": figures.get("angle_deg"),
            "circularity": figures.get("circularity"),
        }
        return Result(
            outputs={"regions": listed, "count": len(found), **single},
            measurements=measured,
            overlay=tuple(_drawn(one, number) for number, one in enumerate(listed[:MAX_DRAWN], 1)),
        )


def _is_inside(outline: Outline, mask: Image) -> bool:
    least, most = outline.points.min(axis=0), outline.points.max(axis=0)
    return bool((least > 0).all() and most[0] < mask.width - 1 and most[1] < mask.height - 1)


def _drawn(outline: Outline, number: int) -> Shape:
    box = cv2.boxPoints(
        (
            (outline.cx, outline.cy),
            (outline.length, outline.width),
            outline.angle_deg,
        )
    )
    points = np.asarray(cv2.approxPolyDP(outline.points, 0.7, True), np.float64).reshape(-1, 2)
    kept = points if len(points) <= 100 else np.asarray(box, np.float64)
    return Polygon(points=tuple((float(x), float(y)) for x, y in kept), label=f"shape {number}")
