"""`python -m bench.chaos [--minutes N] [--only WORD …]`: exit code 1 when it does not hold.

A mesh of its own under mixed load; every fault in turn, again and again until the minutes are
over, every fault at least once; then each client's ledger against the store.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.chaos.disks import SmallDisk, folders, small_disks
from bench.chaos.faults import Fault, faults
from bench.chaos.run import Report, run
from bench.chaos.table import lines
from bench.load.site import SETTINGS
from gemba_local.mesh import LocalMesh


def chosen(disks: list[SmallDisk], *, only: list[str], minutes: float) -> Iterator[Fault]:
    """The faults, in rounds: the first is always whole."""
    deadline = time.monotonic() + minutes * 60
    wanted = [
        fault for fault in faults(disks) if not only or any(word in fault.name for word in only)
    ]
    while wanted:
        yield from wanted
        if time.monotonic() >= deadline:
            return


def measured(data_dir: Path, *, only: list[str], minutes: float) -> Report:
    """Start a mesh, run the faults, stop it."""
    with small_disks(data_dir) as disks:
        for part in sorted(folders(data_dir).keys() - {disk.part for disk in disks}):
            print(f"disk full: {part}: not possible here, no disk can be mounted")
        mesh = LocalMesh(data_dir, settings=SETTINGS)
        try:
            mesh.start()
            todo = chosen(disks, only=only, minutes=minutes)
            return asyncio.run(run(mesh, todo))
        finally:
            mesh.stop()


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="least length")
    parser.add_argument("--only", nargs="*", default=[], help="only faults with one of these words")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measured(Path(folder) / "data", only=options.only, minutes=options.minutes)
        print("\n".join(lines(report)))
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
