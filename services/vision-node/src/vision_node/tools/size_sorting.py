"""Sorts shapes into classes by a measure: bolts by length, discs by diameter, anything by area."""

from collections import Counter
from typing import Annotated, ClassVar, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.outlines import Outline
from vision_node.overlay import Polygon, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, ToolError, sample_pipeline

Measure = Literal[
    "length",
    "width",
    "diameter",
    "area",
    "perimeter",
    "circularity",
    "aspect_ratio",
    "solidity",
    "length_mm",
    "width_mm",
    "diameter_mm",
    "area_mm2",
]
MAX_DRAWN = 150


class SizeClass(BaseModel):
    """A class by the range of its measure: from `minimum`, below `maximum`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=40, description="What the class is called.")
    minimum: float = Field(0.0, ge=0, description="From here on.")
    maximum: float | None = Field(None, gt=0, description="Below this; no limit by default.")


class SizeSorting(Params):
    """Sort shapes into named classes by one measure and count each class."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("regions", PortType.REGIONS),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("total", PortType.NUMBER, unit="count"),
        gives("unsorted", PortType.NUMBER, unit="count"),
        gives("is_all_sorted", PortType.FLAG),
        gives("largest", PortType.TEXT),
    )
    example: ClassVar[Example] = sample_pipeline(
        "blobs",
        ("threshold", {"level": 128}),
        ("contours", {"min_area": 50}),
        (
            "size_sorting",
            {
                "measure": "diameter",
                "classes": [
                    {"name": "small", "maximum": 45},
                    {"name": "large", "minimum": 45},
                ],
            },
        ),
    )

    tool: Literal["size_sorting"] = "size_sorting"
    measure: Measure = Field("length", description="By what they are sorted.")
    classes: Annotated[tuple[SizeClass, ...], Field(strict=False)] = Field(
        min_length=1, max_length=50, description="The first class that fits a shape takes it."
    )

    @field_validator("classes")
    @classmethod
    def _sound(cls, value: tuple[SizeClass, ...], info: ValidationInfo) -> tuple[SizeClass, ...]:
        if len({one.name for one in value}) < len(value):
            raise ValueError("two classes have the same name")
        for one in value:
            if one.maximum is not None and one.maximum <= one.minimum:
                raise ValueError(f"the class {one.name!r} has no room between its limits")
        return value

    def run(self, regions: tuple[Outline, ...]) -> Result:
        """Shapes → how many of each class; a shape that fits none is unsorted."""
        items: list[JsonValue] = []
        shapes: list[Shape] = []
        counts = Counter({one.name: 0 for one in self.classes})
        for outline in regions:
            value = outline.figures.get(self.measure)
            if value is None:
                raise ToolError(f"{self.measure} needs a calibration before the contours")
            name = self._class_of(value)
            counts[name or "unsorted"] += 1
            items.append(
                {
                    "class": name,
                    self.measure: round(value, 4),
                    "x": round(outline.cx, 2),
                    "y": round(outline.cy, 2),
                }
            )
            shapes.append(_drawn(outline, name, value))
        unsorted = counts.pop("unsorted", 0)
        largest = max(counts, key=lambda name: counts[name]) if sum(counts.values()) else None
        return Result(
            outputs={
                "total": len(regions),
                "unsorted": unsorted,
                "is_all_sorted": unsorted == 0,
                "largest": largest,
            },
            measurements={
                "total": len(regions),
                "unsorted": unsorted,
                "classes": dict(counts),
                "items": items,
            },
            overlay=tuple(shapes[:MAX_DRAWN]),
            drawn_in=regions[0].space if regions else None,
        )

    def _class_of(self, value: float) -> str | None:
        for one in self.classes:
            if one.minimum <= value and (one.maximum is None or value < one.maximum):
                return one.name
        return None


def _drawn(outline: Outline, name: str | None, value: float) -> Shape:
    points = np.asarray(cv2.approxPolyDP(outline.points, 1.0, True), np.float64).reshape(-1, 2)
    return Polygon(
        points=tuple((float(x), float(y)) for x, y in points[:100]),
        label=f"{name or '?'} {value:.3g}",
        role="found" if name else "fail",
    )
