"""The `file` source: files under the node's configured folders, no others (contract, chapter 5)."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from vision_node.sources.errors import SourceError

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def read_allowed(file_path: str, folders: Sequence[Path], *, max_bytes: int) -> bytes:
    """Read a file that lies, links resolved, under one of the folders; raises SourceError.

    A relative path is looked for in each folder in turn. Whoever swaps a folder for a link
    meanwhile gains nothing: the resolved path is opened part by part, following no link.
    """
    for folder, inside in _places(file_path, folders):
        descriptor = _open_beneath(folder, inside)
        if descriptor is None:
            continue
        try:
            return _read(descriptor, max_bytes)
        finally:
            os.close(descriptor)
    raise SourceError("no such file in the folders that this node may read", parameter="file_path")


def open_allowed(file_path: str, folders: Sequence[Path]) -> int:
    """A descriptor, for the caller to close, of such a file; raises SourceError."""
    for folder, inside in _places(file_path, folders):
        descriptor = _open_beneath(folder, inside)
        if descriptor is not None and stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        if descriptor is not None:
            os.close(descriptor)
    raise SourceError("no such file in the folders that this node may read", parameter="file_path")


def _read(descriptor: int, max_bytes: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise SourceError("file_path names no ordinary file", parameter="file_path")
    if found.st_size > max_bytes:
        message = f"the file has {found.st_size} bytes; the limit is {max_bytes}"
        raise SourceError(message, parameter="file_path")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(max_bytes)


def _places(file_path: str, folders: Sequence[Path]) -> list[tuple[Path, tuple[str, ...]]]:
    """Each allowed folder that the path leads into, and the way from there, links resolved."""
    if "\0" in file_path:
        raise SourceError("file_path holds a null character", parameter="file_path")
    places = []
    for folder in folders:
        root = Path(os.path.realpath(folder))
        wanted = Path(os.path.realpath(root / file_path))
        if wanted.is_relative_to(root) and wanted != root:
            places.append((root, wanted.relative_to(root).parts))
    return places


def _open_beneath(folder: Path, parts: Sequence[str]) -> int | None:
    try:
        descriptor = os.open(folder, _OPEN | os.O_DIRECTORY)
        for index, part in enumerate(parts):
            flags = _OPEN if index == len(parts) - 1 else _OPEN | os.O_DIRECTORY
            try:
                following = os.open(part, flags, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = following
    except OSError:
        return None
    return descriptor
