"""The data folder: where things are kept in it, who holds it, and how files in it are written."""

import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gemba_local.problems import ConfigurationError
from gemba_local.processes import is_running


@dataclass(frozen=True)
class DataFolder:
    """Paths below the one folder under which everything is kept."""

    root: Path

    @property
    def secrets(self) -> Path:
        """Folder of the generated secrets (0700)."""
        return self.root / "secrets"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data; a link when it had to be kept elsewhere."""
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        """NATS's configuration and streams."""
        return self.root / "nats"

    @property
    def ports(self) -> Path:
        """The ports picked for the embedded servers."""
        return self.root / "ports.json"

    @property
    def state(self) -> Path:
        """What runs now, for tests and scripts: addresses, ports, process ids."""
        return self.root / "state.json"

    @property
    def welcomed(self) -> Path:
        """Exists once the first password was shown."""
        return self.root / "welcomed"

    def of_child(self, name: str) -> Path:
        """A folder of its own (0700) for one process, made if it is missing."""
        folder = self.root / "services" / name
        for path in (folder.parent, folder):
            path.mkdir(exist_ok=True, mode=0o700)
        return folder


def open_folder(path: Path) -> DataFolder:
    """Make the folder if it is missing.

    Raises ConfigurationError when it cannot be made or written.
    """
    root = path.expanduser().absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, "it belongs to another user")
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {root} cannot be used: {error.strerror}. "
            "Set GEMBA_DATA_DIR to a folder that you may write."
        ) from error
    return DataFolder(root.resolve())


def hold(folder: DataFolder, *, patience_s: float = 15.0) -> int:
    """Take the folder's lock and return its descriptor; the lock ends with its last holder.

    Waits while processes of a runner that was killed are still being stopped.
    Raises ConfigurationError when another runner holds it.
    """
    path = folder.root / "runner.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            if (holder.isdigit() and is_running(int(holder))) or time.monotonic() > deadline:
                os.close(descriptor)
                raise ConfigurationError(
                    f"A mesh already runs on {folder.root} (process {holder or 'unknown'}). "
                    "Stop it first, or set GEMBA_DATA_DIR to another folder."
                ) from error
            time.sleep(0.1)
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor


def erase(folder: DataFolder) -> None:
    """Remove the folder with all data, the database too where it is kept elsewhere."""
    if folder.cluster.is_symlink():
        shutil.rmtree(folder.cluster.readlink().parent, ignore_errors=True)
    shutil.rmtree(folder.root)


def write_private(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the object as JSON, atomically."""
    write_private(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
