"""Small disks that can be filled: a tmpfs over one part's folder, where this machine allows it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BALLAST: Final = "ballast"
_PIECE: Final = bytes(1 << 20)


@dataclass(frozen=True)
class SmallDisk:
    """One part's folder on a disk of its own."""

    part: str
    folder: Path

    def fill(self) -> int:
        """Take all that is free; the MiB that were."""
        with (self.folder / _BALLAST).open("wb", buffering=0) as file:
            taken = 0
            try:
                while written := file.write(_PIECE):
                    taken += written
            except OSError:
                pass
        return taken >> 20

    def free(self) -> None:
        """Give it back."""
        (self.folder / _BALLAST).unlink(missing_ok=True)


def folders(data_dir: Path) -> dict[str, Path]:
    """Whose folder a small disk may stand for, below the data folder."""
    return {
        "nats": data_dir / "nats" / "jetstream",
        "vision-node": data_dir / "services" / "vision-node",
    }


@contextmanager
def small_disks(data_dir: Path, *, size_mib: int = 48) -> Iterator[list[SmallDisk]]:
    """Disks for the parts that can have one; none where nothing can be mounted."""
    mounted: list[SmallDisk] = []
    try:
        for part, folder in folders(data_dir).items():
            for path in (data_dir, *reversed(folder.parents[: len(folder.parents) - 1]), folder):
                if path.is_relative_to(data_dir):
                    path.mkdir(mode=0o700, exist_ok=True)
            if _mount(folder, size_mib=size_mib):
                mounted.append(SmallDisk(part, folder))
        yield mounted
    finally:
        for disk in mounted:
            subprocess.run(["umount", "--lazy", disk.folder], check=False, capture_output=True)


def _mount(folder: Path, *, size_mib: int) -> bool:
    if os.geteuid() != 0:
        return False
    options = ["-t", "tmpfs", "-o", f"size={size_mib}m,mode=700", "tmpfs", str(folder)]
    return subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0
