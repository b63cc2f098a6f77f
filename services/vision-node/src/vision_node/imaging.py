"""The image that travels between tools, and the conversions that every tool needs."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.spaces import PICTURE, Space

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A picture on its way through a pipeline.

    `pixels` has shape `(H, W, 3)` in BGR or `(H, W)` in grey, dtype uint8, range 0 to 255.
    Coordinates: x to the right, y down, the centre of the top left pixel is `(0, 0)`.
    A tool never writes into the pixels that it was given. `space` says where they lie.
    """

    pixels: Pixels
    space: Space = PICTURE

    @property
    def width(self) -> int:
        """Pixels a row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def is_grey(self) -> bool:
        """One channel only."""
        return self.pixels.ndim == 2

    def like(self, pixels: Pixels) -> "Image":
        """Other pixels in the same place."""
        return Image(pixels, self.space)


def grey_pixels(image: Image) -> Pixels:
    """Any image → `(H, W)` uint8 grey; the same array where it is grey already."""
    if image.is_grey:
        return image.pixels
    return as_pixels(cv2.cvtColor(image.pixels, cv2.COLOR_BGR2GRAY))


def bgr_pixels(image: Image) -> Pixels:
    """Any image → `(H, W, 3)` uint8 BGR; the same array where it has colour already."""
    if not image.is_grey:
        return image.pixels
    return as_pixels(cv2.cvtColor(image.pixels, cv2.COLOR_GRAY2BGR))


def as_pixels(array: object) -> Pixels:
    """Narrow what OpenCV's stubs leave open: an array of uint8."""
    return np.asarray(array, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as a source gave it, with where it stands in the stream.

    `dropped` counts the frames of a live source that were let go since the frame before.
    """

    image: Image
    decode_ms: float = 0.0
    index: int = 0
    dropped: int = 0
