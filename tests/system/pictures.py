"""Pictures with known content, made without the libraries that inspect them."""

import struct
import zlib
from collections.abc import Iterable
from typing import Final

Square = tuple[int, int, int]
THREE_SQUARES: Final[tuple[Square, ...]] = ((10, 20, 30), (100, 40, 40), (60, 120, 25))


def png(width: int, height: int, *, squares: Iterable[Square] = THREE_SQUARES) -> bytes:
    """A grey PNG: white squares (left, top, side) on black.

    Args:
        width: of the picture, in px.
        height: of the picture, in px.
        squares: none of which touches another.
    """
    rows = [bytearray(width) for _ in range(height)]
    for left, top, side in squares:
        for row in rows[top : top + side]:
            row[left : left + side] = b"\xff" * side
    return assemble(width, height, content=b"".join(b"\0" + row for row in rows))


def assemble(width: int, height: int, *, content: bytes) -> bytes:
    """A grey PNG that declares this size, whatever is in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data)
        for name, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(content, 1)),
            (b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
