"""Reads a picture's format and size from its first bytes: a bomb is refused before it is decoded.

Follows ITU T.81 (JPEG), RFC 2083 (PNG), TIFF 6.0, the WebP container specification and GIF89a.
Pure standard library, no OpenCV.
"""

import re
import struct
from dataclasses import dataclass

from vision_node.sources.errors import PictureError


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's format and its size in pixels, as it declares them."""

    format: str
    width: int
    height: int


def read_header(data: bytes) -> Header:
    """Sniff the format by its first bytes, never by a file name; raises PictureError."""
    for name, magic, read in _FORMATS:
        if re.match(magic, data, re.DOTALL):
            try:
                width, height = read(data)
            except (struct.error, IndexError, StopIteration):
                raise PictureError(
                    f"the {name} picture is cut short or damaged: no size in it"
                ) from None
            if width < 1 or height < 1:
                raise PictureError(f"the {name} picture declares {width} × {height} pixels")
            return Header(name, width, height)
    raise PictureError("this is no picture: none of JPEG, PNG, BMP, TIFF, WebP, GIF")


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise struct.error
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        (wide,) = struct.unpack("<I", data[24:27] + b"\0")
        (high,) = struct.unpack("<I", data[27:30] + b"\0")
        return wide + 1, high + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind != b"VP8 " or data[23:26] != b"\x9d\x01\x2a":
        raise struct.error
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise struct.error
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _SOF:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        elif marker in (0xD9, 0xDA):
            raise struct.error
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            at += 2 + max(length, 2)


def _tiff(data: bytes) -> tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] == 43:
        (first,) = struct.unpack_from(order + "Q", data, 8)
        (count,) = struct.unpack_from(order + "Q", data, first)
        at, stride, value = first + 8, 20, 12
    else:
        (first,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, first)
        at, stride, value = first + 2, 12, 8
    found: dict[int, int] = {}
    for entry in range(at, at + stride * min(count, 4096), stride):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257):
            found[tag] = struct.unpack_from(
                order + _TIFF_INTEGERS.get(kind, "I"), data, entry + value
            )[0]
    if len(found) < 2:
        raise struct.error
    return found[256], found[257]


_TIFF_INTEGERS = {3: "H", 4: "I", 16: "Q"}

_FORMATS = (
    ("JPEG", rb"\xff\xd8\xff", _jpeg),
    ("PNG", rb"\x89PNG\r\n\x1a\n", _png),
    ("GIF", rb"GIF8[79]a", _gif),
    ("WebP", rb"RIFF....WEBP", _webp),
    ("TIFF", rb"II\*\0|MM\0\*|II\+\0\x08\0|MM\0\+\0\x08", _tiff),
    ("BMP", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", _bmp),
)

_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def jpeg_is_whole(data: bytes) -> bool:
    """Say whether a JPEG reaches its end marker: a decoder may fill what is missing with grey."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xD9:
            return True
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:  # entropy-coded data has no length: look for the marker that ends it
            after = _NEXT_MARKER.search(data, at)
            if after is None:
                return False
            at = after.start()
    return data[at : at + 2] == b"\xff\xd9"
