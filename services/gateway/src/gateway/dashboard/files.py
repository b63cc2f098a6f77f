"""The dashboard's files, read once: their bytes, their compressed bytes, and one address for all.

Every file lies below an address that holds a digest of them all, so that a browser may keep it
for ever and a new release is seen at once (decision record 0061).
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

FOLDER: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# What the first page needs is asked for at once instead of import after import.
_FIRST: Final = re.compile(r"^(app/|parts/|vendor/(?!uplot)|pages/(overview|login)|main\.js$)")


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    media_type: str
    plain: bytes
    compressed: bytes


class Files:
    """All files by their path below the dashboard's address."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        whole = hashlib.sha256()
        for path in sorted(contents):
            whole.update(path.encode() + b"\0" + contents[path])
        self.root = f"/dashboard/{whole.hexdigest()[:16]}"
        self._files = {path: _file(path, content) for path, content in contents.items()}
        self.page = _file("index.html", self._filled(contents["index.html"].decode()).encode())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Every file of a known kind below the folder; licences and manifests stay behind."""
        found = (path for path in sorted(folder.rglob("*")) if path.suffix in _MEDIA_TYPES)
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in found})

    def find(self, path: str) -> File | None:
        """The file at this path, None where there is none."""
        return self._files.get(path)

    def _filled(self, page: str) -> str:
        first = [path for path in self._files if path.endswith(".js") and _FIRST.match(path)]
        links = (f'<link rel="modulepreload" href="{self.root}/{path}">' for path in sorted(first))
        return page.replace("{{root}}", self.root).replace("{{preload}}", "\n".join(links))


def _file(path: str, content: bytes) -> File:
    media_type = _MEDIA_TYPES[Path(path).suffix]
    return File(media_type, content, gzip.compress(content, 9, mtime=0))
