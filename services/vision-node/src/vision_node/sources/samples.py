"""The `sample` source: pictures that the package ships, so that every example runs on any node."""

import re
from importlib.resources import files

from vision_node.sources.errors import SourceError

_FOLDER = files("vision_node") / "samples"
_ENDINGS = ("png", "jpg")


def sample_names() -> list[str]:
    """The names of the pictures that there are, in order."""
    entries = (entry.name.rpartition(".") for entry in _FOLDER.iterdir())
    return sorted(name for name, _, ending in entries if ending in _ENDINGS)


def read_sample(name: str) -> bytes:
    """The bytes of one sample; raises SourceError."""
    if not re.fullmatch(r"[a-z0-9_]{1,40}", name) or name not in sample_names():
        known = ", ".join(sample_names())
        raise SourceError(f"no such sample; this node ships {known}", parameter="name")
    files_of_it = (_FOLDER / f"{name}.{ending}" for ending in _ENDINGS)
    return next(file.read_bytes() for file in files_of_it if file.is_file())
