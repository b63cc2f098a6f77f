"""Finds what belongs to one run among all processes, so that nothing can be left behind.

A run marks its children's environment; what they start inherits the mark, whatever session or
group it moves to. PostgreSQL's processes overwrite their environment but work in its data folder.
Reads /proc; where there is none (not Linux) nothing is found.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "GEMBA_RUN_ID"


@dataclass(frozen=True)
class Belongings:
    """How the processes of one run are recognised."""

    run_id: str
    cluster: Path | None = None

    def pids(self) -> list[int]:
        """Every live process of the run but the caller."""
        mark = f"{MARK}={self.run_id}".encode()
        return [
            pid
            for pid in _all_pids()
            if pid != os.getpid() and (_has_mark(pid, mark) or works_in(pid, self.cluster))
        ]


def is_running(pid: int) -> bool:
    """Whether the process lives; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not Path("/proc/self").exists()
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def works_in(pid: int, folder: Path | None) -> bool:
    """Whether the folder is the process's working folder."""
    if folder is None:
        return False
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == folder
    except OSError:
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Send the signal; a process that has gone meanwhile is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def sweep(belongings: Belongings, *, limit_s: float = 5.0) -> list[int]:
    """Kill whatever is left of the run, again until nothing is; returns what was killed."""
    killed: set[int] = set()
    deadline = time.monotonic() + limit_s
    while (left := belongings.pids()) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL)
        killed.update(left)
        time.sleep(0.05)
    return sorted(killed)


def _all_pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return mark in environment.split(b"\0")
