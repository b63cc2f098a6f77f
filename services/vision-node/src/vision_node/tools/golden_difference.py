"""What differs from a good part: scratches, stains, what is missing, what is too much."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, Pixels, as_pixels, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_graph,
)
from vision_node.regions import find_regions

_UNTIL = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-5)
_MOTIONS = {"shift": cv2.MOTION_TRANSLATION, "shift_and_turn": cv2.MOTION_EUCLIDEAN}


class GoldenDifference(Params):
    """Compare with a golden picture of a good part; what differs by more than allowed counts."""

    category: ClassVar[str] = "detection"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("golden", PortType.IMAGE),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("defect_count", PortType.NUMBER, unit="count"),
        gives("defect_area", PortType.NUMBER, unit="px²"),
        gives("is_good", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "scratched", "reference": "part"},
        {"compared": ("golden_difference", {"tolerance": 30, "min_area": 10})},
        "picture.image>compared.image",
        "reference.image>compared.golden",
    )

    tool: Literal["golden_difference"] = "golden_difference"
    tolerance: Whole = Field(30, ge=1, le=255, description="Grey levels that a pixel may be off.")
    edge_px: Whole = Field(
        1, ge=0, le=20, description="Pixels by which an edge may lie elsewhere without being one."
    )
    min_area: float = Field(10.0, ge=1, description="Smallest defect in square pixels.")
    align: Literal["none", "shift", "shift_and_turn"] = Field(
        "shift", description="How the golden picture is laid over the other before."
    )
    match_brightness: bool = Field(True, description="Even out more or less light.")

    def run(self, image: Image, golden: Image) -> Result:
        """Two pictures of the same size → mask of the defects, and each of them."""
        if (image.width, image.height) != (golden.width, golden.height):
            raise ToolError("the picture and the golden picture differ in size")
        seen, good = grey_pixels(image), grey_pixels(golden)
        good, inside = self._aligned(seen, good)
        if self.match_brightness:
            good = _as_bright_as(seen, good)
        element = np.ones((2 * self.edge_px + 1,) * 2, np.uint8)
        too_bright = cv2.subtract(seen, cv2.dilate(good, element))
        too_dark = cv2.subtract(cv2.erode(good, element), seen)
        apart = cv2.max(too_bright, too_dark)
        defects = cv2.bitwise_and(
            cv2.threshold(apart, self.tolerance, 255, cv2.THRESH_BINARY)[1], inside
        )
        regions = find_regions(as_pixels(defects), min_area=self.min_area)
        shapes = tuple(
            shape.model_copy(update={"role": "fail"}) for shape in regions.shapes("defect")
        )
        return Result(
            outputs={
                "mask": image.like(regions.mask),
                "defect_count": regions.count,
                "defect_area": regions.area_px,
                "is_good": regions.count == 0,
            },
            measurements={
                "is_good": regions.count == 0,
                "defect_count": regions.count,
                "defect_area": regions.area_px,
                "defects": [region.as_json(image.space) for region in regions.listed],
            },
            overlay=shapes,
            drawn_in=image.space,
        )

    def _aligned(self, seen: Pixels, good: Pixels) -> tuple[Pixels, Pixels]:
        """The golden picture over the other, and where it reaches."""
        whole = np.full_like(good, 255)
        if self.align == "none":
            return good, whole
        start = np.eye(2, 3, dtype=np.float32)
        try:
            _, warp = cv2.findTransformECC(seen, good, start, _MOTIONS[self.align], _UNTIL)
        except cv2.error as error:
            raise ToolError("the picture cannot be laid over the golden one") from error
        size = (good.shape[1], good.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(good, warp, size, flags=flags)
        reach = cv2.warpAffine(whole, warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        return as_pixels(moved), as_pixels(reach)


def _as_bright_as(seen: Pixels, good: Pixels) -> Pixels:
    """Gain and offset by the medians of bright and dark, which no defect moves by much."""
    dark, bright = np.percentile(good, (10, 90))
    seen_dark, seen_bright = np.percentile(seen, (10, 90))
    if bright - dark < 10 or seen_bright - seen_dark < 10:
        return good
    gain = (seen_bright - seen_dark) / (bright - dark)
    return as_pixels(np.clip(np.rint((good - dark) * gain + seen_dark), 0, 255).astype(np.uint8))
