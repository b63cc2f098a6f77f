"""What an uploaded file is: type by its first bytes, size and frames from its header alone.

Nothing is decoded here, so a bomb costs nothing; whether a picture is whole is for the node to
find. What a header does not say is None, never a guess.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import filetype  # type: ignore[import-untyped]  # ships no types
import imagesize  # type: ignore[import-untyped]  # ships no types
from pymediainfo import MediaInfo

_SNIFFED_BYTES: Final = 8192
_MOST_PAGES: Final = 100_000
_STILL: Final = frozenset({"image/jpeg", "image/png", "image/bmp", "image/webp"})
_PICTURES: Final = _STILL | {"image/tiff", "image/gif"}
# What the sniffer calls them, and what we call them.
_VIDEOS: Final[Mapping[str, str]] = {
    "video/mp4": "video/mp4",
    "video/x-m4v": "video/mp4",
    "video/x-msvideo": "video/x-msvideo",
    "video/x-matroska": "video/x-matroska",
}
ACCEPTED: Final = "JPEG, PNG, BMP, TIFF, WebP, GIF, MP4, AVI, MKV"


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a video by its header; sizes in pixels."""

    media_type: str
    width: int | None
    height: int | None
    frames: int | None


def read_media(file: BinaryIO) -> Media | None:
    """What the file is, None when it is none of the accepted types. May take some 10 ms."""
    file.seek(0)
    sniffed = filetype.guess_mime(file.read(_SNIFFED_BYTES))
    file.seek(0)
    if sniffed in _PICTURES:
        return _picture(file, sniffed)
    if sniffed in _VIDEOS:
        return _video(file, _VIDEOS[sniffed])
    return None


def _picture(file: BinaryIO, media_type: str) -> Media:
    try:
        width, height = imagesize.get(file)
    except (ValueError, OSError, IndexError, KeyError, ArithmeticError):
        # A header that is cut short: imagesize says so in several ways.
        width = height = -1
    file.seek(0)
    frames: int | None = 1 if media_type in _STILL else None
    if media_type == "image/gif":
        frames = _gif_frames(file)
    elif media_type == "image/tiff":
        frames = _tiff_pages(file)
    if width < 1 or height < 1:
        return Media(media_type, None, None, frames)
    return Media(media_type, int(width), int(height), frames)


def _video(file: BinaryIO, media_type: str) -> Media:
    try:
        parsed = MediaInfo.parse(file, parse_speed=0)
    except (OSError, RuntimeError, ValueError):
        return Media(media_type, None, None, None)
    for track in parsed.video_tracks:
        frames = track.frame_count
        return Media(
            media_type, track.width, track.height, int(frames) if frames is not None else None
        )
    return Media(media_type, None, None, None)


def _gif_frames(file: BinaryIO) -> int | None:
    """Count the image blocks of a GIF by skipping from block to block (GIF89a, appendix A)."""
    file.seek(10)
    flags = file.read(3)
    if len(flags) < 3:
        return None
    file.seek(_colour_table(flags[0]), io.SEEK_CUR)
    frames = 0
    while (kind := file.read(1)) not in (b";", b""):
        if kind == b",":
            frames += 1
            descriptor = file.read(9)
            if len(descriptor) < 9:
                return None
            file.seek(_colour_table(descriptor[8]) + 1, io.SEEK_CUR)
        else:
            file.seek(1, io.SEEK_CUR)
        while (size := file.read(1)) not in (b"\0", b""):
            file.seek(size[0], io.SEEK_CUR)
    return frames if kind == b";" else None


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _tiff_pages(file: BinaryIO) -> int | None:
    """Count the pages of a TIFF by following its chain of directories (TIFF 6.0, section 2)."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    try:
        version, at = struct.unpack(f"{order}HI", file.read(6))
        if version != 42:
            return None
        seen: set[int] = set()
        while at and at not in seen and len(seen) < _MOST_PAGES:
            seen.add(at)
            file.seek(at)
            (entries,) = struct.unpack(f"{order}H", file.read(2))
            file.seek(12 * entries, io.SEEK_CUR)
            (at,) = struct.unpack(f"{order}I", file.read(4))
    except struct.error:
        return None
    return len(seen) or None
