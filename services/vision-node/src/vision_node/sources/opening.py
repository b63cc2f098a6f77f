"""Opens the source that an image_source names: every kind ends here as something giving frames."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vision_node.imaging import Frame
from vision_node.sources.capturing import Newest, Pace, read_camera, read_video
from vision_node.sources.decoding import MAX_PIXELS, decode_frame
from vision_node.sources.errors import PictureError, SourceError
from vision_node.sources.fetching import fetch_picture
from vision_node.sources.folders import open_allowed, read_allowed
from vision_node.sources.hosts import allowed_address, checked_url
from vision_node.sources.samples import read_sample
from vision_node.tools.image_source import ImageSource

MAX_URL_BYTES = 32 * 1024 * 1024
MAX_FILE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """What this node may read, and the uploads that came with an inspection (bytes by image_id).

    `addresses` are those of the floor's cameras, by camera_id. `stop` ends a live source; `lost` is
    told when a camera cannot be reached.
    """

    folders: tuple[Path, ...] = ()
    uploads: Mapping[str, bytes] = field(default_factory=dict)
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES
    hosts: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    lost: Callable[[str], None] = lambda _: None


def open_source(source: ImageSource, access: SourceAccess) -> Iterator[Frame]:
    """Give the frames of a source; raises SourceError, at once or while frames are taken.

    A picture is a source of one frame. A live source gives frames until `access.stop` is set; one
    that drops the oldest is read in a thread of its own.
    """
    if not source.is_live:
        return _still(source, access)
    frames = _moving(source, access)
    return Newest(frames) if source.drops_oldest else frames


def _still(source: ImageSource, access: SourceAccess) -> Iterator[Frame]:
    parameter, data = _picture_bytes(source, access)
    try:
        yield decode_frame(data, max_pixels=access.max_pixels)
    except PictureError as error:
        raise SourceError(str(error), parameter=parameter) from error


def _moving(source: ImageSource, access: SourceAccess) -> Iterator[Frame]:
    if source.source_type == "floor":
        yield from read_floor(source, access)
        return
    pace = Pace(source.max_fps, as_recorded=source.drops_oldest and source.source_type == "video")
    if source.source_type == "video":
        with _video_path(source, access) as (parameter, path):
            yield from read_video(
                path,
                parameter=parameter,
                loop=source.loop,
                pace=pace,
                stop=access.stop,
                max_pixels=access.max_pixels,
            )
        return
    target: str | int = source.device or 0
    if source.source_type == "rtsp":
        target = pinned(source.url or "", access.hosts, schemes=("rtsp", "rtsps"))
    yield from read_camera(target, pace=pace, stop=access.stop, lost=access.lost)


@contextmanager
def _video_path(source: ImageSource, access: SourceAccess) -> Iterator[tuple[str, Path]]:
    """Where the video can be opened: by its descriptor, so that nobody swaps it meanwhile."""
    if source.file_path:
        descriptor = open_allowed(source.file_path, access.folders)
        try:
            yield "file_path", Path(f"/dev/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return
    uploaded = access.uploads.get(source.image_id or "")
    if uploaded is None:
        raise SourceError("the uploaded video is not there any more", parameter="image_id")
    with tempfile.NamedTemporaryFile(prefix="gemba-video-") as file:
        file.write(uploaded)
        file.flush()
        yield "image_id", Path(file.name)


def read_floor(source: ImageSource, access: SourceAccess) -> Iterator[Frame]:
    """A camera of the floor: a stream, or a video in an allowed folder, played again and again."""
    address = access.addresses.get(source.camera_id or "")
    if address is None:
        raise SourceError("the tracking service knows no such camera", parameter="camera_id")
    scheme = urlsplit(address).scheme
    if scheme in ("", "file"):
        path = unquote(urlsplit(address).path) if scheme else address
        descriptor = open_allowed(path, access.folders)
        try:
            yield from read_video(
                Path(f"/dev/fd/{descriptor}"),
                parameter="camera_id",
                loop=True,
                pace=Pace(source.max_fps, as_recorded=True),
                stop=access.stop,
                max_pixels=access.max_pixels,
            )
        finally:
            os.close(descriptor)
        return
    target = pinned(address, access.hosts, schemes=("rtsp", "rtsps", "http", "https"))
    pace = Pace(source.max_fps)
    yield from read_camera(target, pace=pace, stop=access.stop, lost=access.lost)


def pinned(url: str, hosts: Sequence[str], *, schemes: Sequence[str]) -> str:
    """The same URL by the address that was judged; a host of https keeps its certified name."""
    parts = checked_url(url, schemes=schemes)
    default = {"http": 80, "https": 443}.get(parts.scheme, 554)
    address = allowed_address(parts.hostname or "", parts.port or default, hosts)
    if parts.scheme == "https":
        return url
    host = f"[{address}]" if ":" in address else address
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{user}{at}{host}{port}").geturl()


def _picture_bytes(source: ImageSource, access: SourceAccess) -> tuple[str, bytes]:
    if source.source_type == "sample":
        return "name", read_sample(source.name or "")
    if source.source_type == "file":
        data = read_allowed(source.file_path or "", access.folders, max_bytes=access.max_file_bytes)
        return "file_path", data
    if source.source_type == "url":
        data = fetch_picture(source.url or "", access.hosts, max_bytes=MAX_URL_BYTES)
        return "url", data
    uploaded = access.uploads.get(source.image_id or "")
    if uploaded is None:
        raise SourceError("the uploaded image is not there any more", parameter="image_id")
    return "image_id", uploaded
