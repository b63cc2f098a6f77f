"""How workers share the tests: file by file, but a package that starts services goes to one.

Its services start once then, instead of once in each worker, and only one browser runs at a time.
What takes long comes first, so that all workers end at about the same time. There are three for two
cores, because a test of faults waits more than it computes.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling

# Those of which the conftest has fixtures for the whole package.
_WHOLE: Final = frozenset(
    f"tests/{name}"
    for name in ("cluster", "dashboard", "gateway", "orchestrator", "printers", "tracking")
)
# Packages and files.
_LONGEST_FIRST: Final = (
    *("dashboard", "orchestrator", "cluster", "printers", "tracking", "gateway", "system"),
    *("test_images", "test_local_mesh", "test_node", "devices"),
)


def longest_first(item: pytest.Item) -> int:
    """The rank of a test by its package or file; what is not named comes last, as it is."""
    names = (item.path.parent.name, item.path.stem)
    ranks = (rank for rank, name in enumerate(_LONGEST_FIRST) if name in names)
    return next(ranks, len(_LONGEST_FIRST))


class SharingOut(LoadFileScheduling):
    """xdist's `--dist loadfile` with larger pieces."""

    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.partition("::")[0].rpartition("/")
        return folder if folder in _WHOLE else f"{folder}/{file}"
