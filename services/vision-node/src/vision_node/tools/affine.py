"""Turns, scales and shifts a picture; with a fixture, the part comes to lie as in the reference."""

from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.features import Fixture
from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline
from vision_node.spaces import Homography, inverse, shifted, turned


class Affine(Params):
    """Turn about the centre, scale and shift; or undo the pose of a part by its fixture."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("image", PortType.IMAGE),)
    example: ClassVar[Example] = sample_pipeline(
        "shapes", ("affine", {"angle_deg": 15}), ("blob_detection", {"threshold": 128})
    )

    tool: Literal["affine"] = "affine"
    angle_deg: float = Field(0.0, ge=-360, le=360, description="Clockwise as seen.")
    scale: float = Field(1.0, gt=0.01, le=16, description="Factor.")
    shift_x: float = Field(0.0, ge=-16384, le=16384, description="To the right, in pixels.")
    shift_y: float = Field(0.0, ge=-16384, le=16384, description="Down, in pixels.")

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → one of the same size; what comes in from outside is black."""
        x, y = (image.width - 1) / 2, (image.height - 1) / 2
        turn = turned(self.angle_deg, scale=self.scale).matrix
        onto = shifted(x + self.shift_x, y + self.shift_y).matrix @ turn @ shifted(-x, -y).matrix
        if fixture is not None:
            onto = onto @ inverse(fixture.onto_part).matrix
        pixels = cv2.warpAffine(
            image.pixels, np.asarray(onto[:2], np.float64), (image.width, image.height)
        )
        made = Image(as_pixels(pixels), image.space.within(inverse(Homography(onto))))
        return Result(outputs={"image": made})
