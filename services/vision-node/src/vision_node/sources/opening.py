"""Opens the source that an image_source names: every kind ends here as something giving frames."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vision_node.imaging import Frame
from vision_node.sources.decoding import MAX_PIXELS, decode_frame
from vision_node.sources.errors import PictureError, SourceError
from vision_node.sources.folders import read_allowed
from vision_node.sources.samples import read_sample
from vision_node.tools.image_source import ImageSource

MAX_FILE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """What this node may read, and the uploads that came with an inspection (bytes by image_id)."""

    folders: tuple[Path, ...] = ()
    uploads: Mapping[str, bytes] = field(default_factory=dict)
    max_pixels: int = MAX_PIXELS
    max_file_bytes: int = MAX_FILE_BYTES


def open_source(source: ImageSource, access: SourceAccess) -> Iterator[Frame]:
    """Give the frames of a source; raises SourceError, at once or while frames are taken.

    A picture is a source of one frame. A live source gives frames until it is closed.
    """
    parameter, data = _picture_bytes(source, access)
    try:
        yield decode_frame(data, max_pixels=access.max_pixels)
    except PictureError as error:
        raise SourceError(str(error), parameter=parameter) from error


def _picture_bytes(source: ImageSource, access: SourceAccess) -> tuple[str, bytes]:
    if source.source_type == "sample":
        return "name", read_sample(source.name or "")
    if source.source_type == "file":
        data = read_allowed(source.file_path or "", access.folders, max_bytes=access.max_file_bytes)
        return "file_path", data
    uploaded = access.uploads.get(source.image_id or "")
    if uploaded is None:
        raise SourceError("the uploaded image is not there any more", parameter="image_id")
    return "image_id", uploaded
