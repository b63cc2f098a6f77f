"""How two workers share the tests: file by file, but a package that starts services goes to one.

Its services start once then, instead of once in each worker, and only one browser runs at a time.
"""

from typing import Final

from xdist.scheduler import LoadFileScheduling

# Those of which the conftest has fixtures for the whole package.
_WHOLE: Final = frozenset(
    f"tests/{name}"
    for name in ("cluster", "dashboard", "gateway", "orchestrator", "printers", "tracking")
)


class SharingOut(LoadFileScheduling):
    """xdist's `--dist loadfile` with larger pieces."""

    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.partition("::")[0].rpartition("/")
        return folder if folder in _WHOLE else f"{folder}/{file}"
