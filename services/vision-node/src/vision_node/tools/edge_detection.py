"""Edge pixels by Canny (1986), or by Sobel with the same hysteresis (contract, chapter 5)."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, Pixels, as_pixels, grey_pixels
from vision_node.overlay import Polygon, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

MAX_DRAWN = 150
MAX_POINTS = 64


class EdgeDetection(Params):
    """Mark the pixels where brightness changes sharply, and count them."""

    category: ClassVar[str] = "detection"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("edges", PortType.MASK),
        gives("edge_pixels", PortType.NUMBER, unit="px"),
        gives("edge_ratio", PortType.NUMBER),
    )
    example: ClassVar[Example] = sample_pipeline(
        "shapes",
        ("edge_detection", {"method": "canny", "low_threshold": 50, "high_threshold": 150}),
    )

    tool: Literal["edge_detection"] = "edge_detection"
    method: Literal["canny", "sobel"] = Field(
        "canny", description="canny: edges one pixel thin; sobel: every pixel of a steep slope."
    )
    low_threshold: float = Field(
        50,
        ge=0,
        le=2000,
        description="A gradient above this is an edge where it touches a strong one.",
    )
    high_threshold: float = Field(
        150, ge=0, le=2000, description="A gradient above this is an edge by itself."
    )

    @field_validator("high_threshold")
    @classmethod
    def _not_below_low(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("low_threshold", 0):
            raise ValueError("high_threshold must not be less than low_threshold")
        return value

    def run(self, image: Image) -> Result:
        """Any image → edges `(H, W)` uint8, 255 on an edge, by the 3 × 3 Sobel magnitude."""
        grey = grey_pixels(image)
        edges = self._canny(grey) if self.method == "canny" else self._sobel(grey)
        pixels = cv2.countNonZero(edges)
        ratio = pixels / edges.size
        return Result(
            outputs={"edges": image.like(edges), "edge_pixels": pixels, "edge_ratio": ratio},
            measurements={"edge_pixels": pixels, "edge_ratio": round(ratio, 6)},
            overlay=_longest(edges),
        )

    def _canny(self, grey: Pixels) -> Pixels:
        return as_pixels(cv2.Canny(grey, self.low_threshold, self.high_threshold, L2gradient=True))

    def _sobel(self, grey: Pixels) -> Pixels:
        gradient = cv2.magnitude(
            cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        )
        weak = as_pixels(gradient > self.low_threshold)
        _, labels = cv2.connectedComponents(weak, connectivity=8)
        strong = np.zeros(int(labels.max()) + 1, np.uint8)
        strong[labels[gradient > self.high_threshold]] = 255
        strong[0] = 0
        return as_pixels(strong[labels])


def _longest(edges: Pixels) -> tuple[Shape, ...]:
    """The longest edges as open or closed lines."""
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    shapes: list[Shape] = []
    for contour in sorted(contours, key=len, reverse=True)[:MAX_DRAWN]:
        points, tolerance = contour, 0.5
        while len(points) > MAX_POINTS:
            points = cv2.approxPolyDP(contour, tolerance, True)
            tolerance *= 2
        if len(points) > 1:
            shapes.append(Polygon(points=tuple((float(x), float(y)) for x, y in points[:, 0])))
    return tuple(shapes)
