"""Results on disk from the moment they exist until the orchestrator has them: kill -9 loses none.

An entry is a folder: `result.json` and the artifacts. It is written aside, forced to the disk and
renamed into place, so that an entry is whole or not there.
"""

import logging
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from common.schemas.vision import ResultReport

_RESULT = "result.json"
_KEPT_REFUSED = 200
_log = logging.getLogger("spool")


@dataclass(frozen=True, slots=True)
class Spooled:
    """One entry: what to report, and the files to upload before."""

    name: str
    report: ResultReport
    artifacts: Mapping[str, bytes]


class Spool:
    """The entries of one node, oldest first. All calls block on the disk."""

    def __init__(self, folder: Path) -> None:
        self._waiting = folder / "spool"
        self._refused = folder / "refused"

    def open(self) -> list[str]:
        """Make the folders, clear what a crash left half done, and name what waits."""
        for folder in (self._waiting, self._refused):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in self._waiting.glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return sorted(entry.name for entry in self._waiting.iterdir() if entry.is_dir())

    def put(self, report: ResultReport, artifacts: Mapping[str, bytes]) -> str:
        """Keep a result; it is on the disk when this returns. Raises OSError."""
        name = f"{time.time_ns():020d}-{report.inspection_id}"
        aside = self._waiting / f".new-{name}"
        aside.mkdir(mode=0o700)
        try:
            for artifact, data in artifacts.items():
                _write(aside / artifact, data)
            _write(aside / _RESULT, report.model_dump_json().encode())
            _force(aside)
            aside.rename(self._waiting / name)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        _force(self._waiting)
        return name

    def load(self, name: str) -> Spooled | None:
        """Read an entry; None where it cannot be read, and then it is set aside."""
        folder = self._waiting / name
        try:
            report = ResultReport.model_validate_json((folder / _RESULT).read_bytes())
            artifacts = {part.name: (folder / part.name).read_bytes() for part in report.artifacts}
        except (OSError, ValidationError):
            _log.exception("the spooled result %s cannot be read", name)
            self.refuse(name)
            return None
        return Spooled(name, report, artifacts)

    def done(self, name: str) -> None:
        """Forget an entry that was acknowledged."""
        aside = self._waiting / f".done-{name}"
        (self._waiting / name).rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def refuse(self, name: str) -> None:
        """Set aside, as evidence, an entry that nobody will ever take; the newest are kept."""
        entry = self._waiting / name
        if entry.exists():
            entry.rename(self._refused / name)
        for old in sorted(self._refused.iterdir())[:-_KEPT_REFUSED]:
            shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _force(folder: Path) -> None:
    """Make renames in a folder last: its own entry list has to reach the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
