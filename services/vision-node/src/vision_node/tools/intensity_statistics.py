"""How bright a picture is and how its levels are spread: exposure, presence, fill level."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)


class IntensityStatistics(Params):
    """Measure mean, spread and histogram of the grey levels, within a mask where one is joined."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("mask", PortType.MASK, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("mean", PortType.NUMBER, unit="grey"),
        gives("deviation", PortType.NUMBER, unit="grey"),
        gives("minimum", PortType.NUMBER, unit="grey"),
        gives("maximum", PortType.NUMBER, unit="grey"),
        gives("median", PortType.NUMBER, unit="grey"),
        gives("contrast", PortType.NUMBER, unit="grey"),
        gives("saturated_ratio", PortType.NUMBER),
    )
    example: ClassVar[Example] = sample_pipeline("blobs", ("intensity_statistics", {"bins": 16}))

    tool: Literal["intensity_statistics"] = "intensity_statistics"
    bins: Whole = Field(16, ge=1, le=256, description="Bars of the histogram.")

    def run(self, image: Image, mask: Image | None = None) -> Result:
        """Any image → figures of its grey levels; contrast is between the 5th and 95th percent."""
        grey = grey_pixels(image)
        inside = None if mask is None else mask.pixels
        if inside is not None and inside.shape != grey.shape:
            raise ToolError("mask and image differ in size")
        counts = cv2.calcHist([grey], [0], inside, [256], (0, 256)).ravel()
        total = float(counts.sum())
        if total == 0:
            return Result(outputs=dict.fromkeys(port.name for port in self.outputs))
        found = _figures(counts / total)
        bars = np.add.reduceat(counts, np.arange(self.bins) * 256 // self.bins).astype(int)
        return Result(
            outputs=found,
            measurements={
                **{name: round(value, 4) for name, value in found.items()},
                "pixels": int(total),
                "histogram": bars.tolist(),
            },
        )


def _figures(share: np.ndarray) -> dict[str, float]:
    """`(256,)` shares of each level → the figures."""
    levels = np.arange(256)
    mean = float((share * levels).sum())
    low, median, high = np.searchsorted(np.cumsum(share), (0.05, 0.5, 0.95))
    present = np.flatnonzero(share)
    return {
        "mean": mean,
        "deviation": float(np.sqrt((share * (levels - mean) ** 2).sum())),
        "minimum": float(present[0]),
        "maximum": float(present[-1]),
        "median": float(median),
        "contrast": float(high - low),
        "saturated_ratio": float(share[0] + share[255]),
    }
