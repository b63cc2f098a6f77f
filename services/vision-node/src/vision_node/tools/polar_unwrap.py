"""Rolls a ring out flat: print on a cap, teeth of a gear, the rim of a bearing."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.features import CircleFeature
from vision_node.imaging import Image, as_pixels
from vision_node.overlay import Circle
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, ToolError, sample_pipeline
from vision_node.spaces import Points

MAX_SIDE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class _Unrolled:
    """From the flat picture back to the ring."""

    cx: float
    cy: float
    inner: float
    start: float
    step: float

    def __call__(self, points: Points) -> Points:
        angle = self.start + points[:, 0] * self.step
        radius = self.inner + points[:, 1]
        return np.column_stack([self.cx + radius * np.cos(angle), self.cy + radius * np.sin(angle)])


class PolarUnwrap(Params):
    """Unroll a ring: x runs along the angle, clockwise, y from the inner radius outward."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("circle", PortType.CIRCLE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("image", PortType.IMAGE),)
    example: ClassVar[Example] = sample_pipeline(
        "shapes",
        ("polar_unwrap", {"cx": 120, "cy": 120, "inner_radius": 15, "outer_radius": 45}),
    )

    tool: Literal["polar_unwrap"] = "polar_unwrap"
    cx: float = Field(0.0, ge=-65536, le=65536, description="Centre x where no circle is joined.")
    cy: float = Field(0.0, ge=-65536, le=65536, description="Centre y where no circle is joined.")
    inner_radius: float = Field(ge=0, le=8192, description="Where the ring begins, in pixels.")
    outer_radius: float = Field(gt=0, le=8192, description="Where the ring ends, in pixels.")
    start_deg: float = Field(0.0, ge=-360, le=360, description="Angle at the left edge.")
    sweep_deg: float = Field(360.0, gt=0, le=360, description="Angle that is unrolled.")

    @field_validator("outer_radius")
    @classmethod
    def _beyond_inner(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("inner_radius", 0) + 1:
            raise ValueError("outer_radius must be larger than inner_radius by 1 or more")
        return value

    def run(self, image: Image, circle: CircleFeature | None = None) -> Result:
        """Any image → `(outer − inner, length of the outer arc)`, as fine as the outer rim."""
        cx, cy = (self.cx, self.cy) if circle is None else (circle.cx, circle.cy)
        sweep = math.radians(self.sweep_deg)
        width = max(1, round(self.outer_radius * sweep))
        height = max(1, round(self.outer_radius - self.inner_radius))
        if max(width, height) > MAX_SIDE:
            raise ToolError(f"the unrolled ring would be {width} × {height} pixels")
        back = _Unrolled(
            cx, cy, self.inner_radius, start=math.radians(self.start_deg), step=sweep / width
        )
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        there = back(np.column_stack([x.ravel(), y.ravel()]).astype(np.float64))
        lookup = there.astype(np.float32).reshape(height, width, 2)
        pixels = as_pixels(cv2.remap(image.pixels, lookup, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]  # OpenCV takes one map of two channels
        guides = tuple(
            Circle(cx=cx, cy=cy, radius=radius, role="guide")
            for radius in (self.inner_radius, self.outer_radius)
        )
        made = Image(pixels, image.space.within(back))
        return Result(outputs={"image": made}, overlay=guides)
