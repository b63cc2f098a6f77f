"""A slanted plane seen from straight above: four corners are pulled to a rectangle."""

from typing import Annotated, ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, as_pixels
from vision_node.overlay import Polygon
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.spaces import Homography, inverse

Coordinate = Annotated[float, Field(ge=-65536, le=65536)]
Corner = Annotated[tuple[Coordinate, Coordinate], Field(strict=False)]
Corners = Annotated[tuple[Corner, Corner, Corner, Corner], Field(strict=False)]


class Perspective(Params):
    """Straighten a region given by its four corners, clockwise from the top left."""

    category: ClassVar[str] = "image"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("image", PortType.IMAGE),)
    example: ClassVar[Example] = sample_pipeline(
        "shapes",
        (
            "perspective",
            {
                "corners": [[50, 40], [269, 40], [269, 199], [50, 199]],
                "width": 220,
                "height": 160,
            },
        ),
    )

    tool: Literal["perspective"] = "perspective"
    corners: Corners = Field(description="Four places x, y: top left, top right, and so on.")
    width: Whole = Field(ge=2, le=8192, description="Width of the new picture in pixels.")
    height: Whole = Field(ge=2, le=8192, description="Height of the new picture in pixels.")

    @field_validator("corners")
    @classmethod
    def _go_round(cls, value: Corners) -> Corners:
        around = np.array(value, np.float32)
        if not cv2.isContourConvex(around) or cv2.contourArea(around, oriented=True) < 1:
            raise ValueError("the corners must go round a convex region clockwise")
        return value

    def run(self, image: Image) -> Result:
        """Any image → the region, its corners at the corners of the new picture."""
        right, bottom = self.width - 1.0, self.height - 1.0
        target = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)
        onto = cv2.getPerspectiveTransform(np.array(self.corners, np.float32), target)
        pixels = cv2.warpPerspective(image.pixels, onto, (self.width, self.height))
        back = inverse(Homography(np.asarray(onto, np.float64)))
        made = Image(as_pixels(pixels), image.space.within(back))
        outline = Polygon(points=self.corners, role="guide")
        return Result(outputs={"image": made}, overlay=(outline,))
