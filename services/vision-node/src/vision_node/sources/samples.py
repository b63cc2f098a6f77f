"""The `sample` source: pictures that the package ships, so that every example runs on any node."""

import re
from importlib.resources import files

from vision_node.sources.errors import SourceError

_FOLDER = files("vision_node") / "samples"


def sample_names() -> list[str]:
    """The names of the pictures that there are, in order."""
    entries = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".png") for name in entries if name.endswith(".png"))


def read_sample(name: str) -> bytes:
    """The bytes of one sample; raises SourceError."""
    if not re.fullmatch(r"[a-z0-9_]{1,40}", name) or name not in sample_names():
        known = ", ".join(sample_names())
        raise SourceError(f"no such sample; this node ships {known}", parameter="name")
    return (_FOLDER / f"{name}.png").read_bytes()
