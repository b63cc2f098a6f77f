"""What moves: background subtraction by a mixture of Gaussians (Zivkovic, 2004)."""

from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.regions import find_regions

_SHADOW = 127


class Motion(Params):
    """Learn the background of a video and mark what is not part of it."""

    category: ClassVar[str] = "tracking"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mask", PortType.MASK),
        gives("motion_ratio", PortType.NUMBER),
        gives("is_moving", PortType.FLAG),
        gives("count", PortType.NUMBER, unit="count"),
    )
    example: ClassVar[Example] = sample_pipeline("people", ("motion", {"min_area": 100}))

    tool: Literal["motion"] = "motion"
    history_frames: Whole = Field(
        200, ge=2, le=10000, description="Frames after which what stands still is background."
    )
    variance: float = Field(16.0, ge=1, le=500, description="More needs a clearer change.")
    shadows: bool = Field(False, description="Shadows count as moving too.")
    min_area: float = Field(50.0, ge=1, description="Smallest moving region in square pixels.")
    least_ratio: float = Field(
        0.001, ge=0, le=1, description="Part of the picture that must move to count as motion."
    )
    warm_up_frames: Whole = Field(
        5, ge=0, le=1000, description="First frames, in which nothing counts as moving."
    )

    def new_memory(self) -> dict[str, Any]:
        """The background, and how many frames it has seen."""
        model = cv2.createBackgroundSubtractorMOG2(self.history_frames, self.variance, True)
        return {"model": model, "frames": 0, "size": None}

    def run(self, image: Image, memory: dict[str, Any]) -> Result:
        """One frame after the other → mask of what moves; a change of size begins anew."""
        size = image.pixels.shape
        if memory["size"] not in (None, size):
            memory |= self.new_memory()
        memory["size"] = size
        memory["frames"] += 1
        seen = as_pixels(memory["model"].apply(image.pixels))
        level = 0 if self.shadows else _SHADOW
        moving = as_pixels(cv2.threshold(seen, level, 255, cv2.THRESH_BINARY)[1])
        moving = as_pixels(cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        if memory["frames"] <= self.warm_up_frames:
            moving = np.zeros_like(moving)
        regions = find_regions(moving, min_area=self.min_area)
        ratio = regions.area_px / moving.size
        is_moving = ratio >= self.least_ratio and regions.count > 0
        return Result(
            outputs={
                "mask": image.like(regions.mask),
                "motion_ratio": ratio,
                "is_moving": is_moving,
                "count": regions.count,
            },
            measurements={
                "motion_ratio": round(ratio, 6),
                "is_moving": is_moving,
                "regions": [region.as_json(image.space) for region in regions.listed[:100]],
            },
            overlay=regions.shapes("moving"),
        )
