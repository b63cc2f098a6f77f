"""Which schema a service's code knows, without Alembic, which takes half a second to import."""

from importlib.util import find_spec
from pathlib import Path


def head_of(package: str) -> str:
    """The highest number that a file of a service's migrations bears; "" where there is none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    versions = Path(spec.origin).parent / "migrations" / "versions"
    numbers = (path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))
    return max(numbers, default="")
