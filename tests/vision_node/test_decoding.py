import struct
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_node.sources.decoding import decode
from vision_node.sources.errors import PictureError
from vision_node.sources.headers import jpeg_is_whole, read_header

FORMATS = [".jpg", ".png", ".bmp", ".tiff", ".webp", ".gif"]


def picture() -> np.ndarray:
    y, x = np.mgrid[0:60, 0:90]
    noise = np.random.default_rng(3).integers(0, 30, (60, 90))
    return np.dstack([x * 2, y * 4, 100 + noise]).astype(np.uint8)


def encoded(extension: str, *options: int) -> bytes:
    return cv2.imencode(extension, picture(), options)[1].tobytes()


def png_declaring(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_is_known_by_its_bytes(extension: str) -> None:
    data = encoded(extension)
    assert (read_header(data).width, read_header(data).height) == (90, 60)
    pixels = decode(data)
    assert pixels.shape == (60, 90, 3)
    assert np.abs(pixels.astype(int) - picture()).mean() < 20  # GIF has 256 colours


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_picture_cut_short_is_refused(extension: str, kept: float) -> None:
    data = encoded(extension)
    with pytest.raises(PictureError):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_without_its_end_is_refused(progressive: int) -> None:
    data = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert jpeg_is_whole(data)
    assert jpeg_is_whole(data + b"camera's own trailer")
    for cut in (2, 3, 20, len(data) // 2):
        with pytest.raises(PictureError, match="cut short"):
            decode(data[:-cut])


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"\x00" * 100, b"<svg/>", b"BM"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PictureError, match="no picture"):
        decode(data)


def test_a_picture_that_declares_too_many_pixels_is_refused_unread() -> None:
    with pytest.raises(PictureError, match="30000 × 30000 pixels; the limit is 64 million"):
        decode(png_declaring(30_000, 30_000))
    with pytest.raises(PictureError, match=r"limit is 0\.005 million$"):
        decode(encoded(".jpg"), max_pixels=5000)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(PictureError, match="0 × 5"):
        decode(png_declaring(0, 5))


def test_sixteen_bits_and_grey_and_alpha_become_bgr() -> None:
    deep = cv2.imencode(".tiff", picture().astype(np.uint16) * 257)[1].tobytes()
    assert np.array_equal(decode(deep), picture())
    grey = cv2.imencode(".png", picture()[..., 0])[1].tobytes()
    assert np.array_equal(decode(grey)[..., 2], picture()[..., 0])
    alpha = cv2.imencode(".png", np.dstack([picture(), picture()[..., :1]]))[1].tobytes()
    assert decode(alpha).shape == (60, 90, 3)


@given(st.sampled_from(FORMATS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255))))
def test_a_damaged_picture_is_read_or_refused(
    extension: str, damage: list[tuple[float, int]]
) -> None:
    data = bytearray(encoded(extension))
    for place, value in damage:
        data[min(int(place * len(data)), len(data) - 1)] = value
    with suppress(PictureError):
        decode(bytes(data), max_pixels=100_000)


@given(st.sampled_from([b"\xff\xd8\xff", b"II*\0", b"GIF89a", b"RIFF....WEBP"]), st.binary())
def test_any_bytes_are_read_or_refused_in_words(magic: bytes, rest: bytes) -> None:
    with pytest.raises(PictureError):
        decode(magic + rest, max_pixels=100_000)
