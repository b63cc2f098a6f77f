"""From bytes to pixels; what is no picture, is cut short or too large is refused in clear words."""

import time
from collections.abc import Callable

import cv2
import numpy as np

from vision_node.imaging import Frame, Image, Pixels, as_pixels
from vision_node.sources.errors import PictureError
from vision_node.sources.headers import jpeg_is_whole, read_header

MAX_PIXELS = 64_000_000


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Bytes of one picture → `(H, W, 3)` uint8 BGR, turned as its EXIF says.

    Of a GIF, the first frame; 16-bit channels are scaled to 8. The declared size is checked
    before anything is decoded. Raises PictureError.
    """
    header = read_header(data)
    if header.width * header.height > max_pixels:
        raise PictureError(
            f"the {header.format} picture declares {header.width} × {header.height} pixels; "
            f"the limit is {max_pixels / 1e6:g} million"
        )
    if header.format == "JPEG" and not jpeg_is_whole(data):
        raise PictureError("the JPEG picture is cut short")
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise PictureError(f"the {header.format} picture is cut short or damaged")
    if {decoded.shape[0], decoded.shape[1]} != {header.height, header.width}:
        raise PictureError(f"the {header.format} picture is not of the size that it declares")
    return as_pixels(decoded)


def decode_frame(
    data: bytes, *, max_pixels: int = MAX_PIXELS, clock: Callable[[], float] = time.perf_counter
) -> Frame:
    """Decode one picture and say how long it took; raises PictureError."""
    began = clock()
    pixels = decode(data, max_pixels=max_pixels)
    return Frame(Image(pixels), decode_ms=(clock() - began) * 1000)
