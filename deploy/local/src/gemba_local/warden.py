"""Stops what a runner that was killed has left behind.

The runner holds one end of a pipe, this process the other: when the pipe closes without a word of
farewell, the runner has died. The kernel has then told every child of it to stop (see `launch`);
this process waits for them and for what they started, and kills what stays. Meanwhile it holds
the data folder's lock, so that a new runner cannot meet the old one's processes.
"""

import os
import signal
import sys
import time
from pathlib import Path

from gemba_local.processes import Belongings, send, sweep, works_in

FAREWELL = b"."


def main(arguments: list[str]) -> None:
    """Wait for the runner's end; arguments: pipe, lock, run id, patience in s, cluster folder."""
    pipe, _lock, run_id, patience_s, cluster = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it has to outlive whoever stops the runner
    os.chdir("/")
    if not _runner_said_farewell(int(pipe)):
        home = Path(cluster) if cluster else None
        _stop_all(Belongings(run_id, home), patience_s=float(patience_s))


def _runner_said_farewell(pipe: int) -> bool:
    said = b""
    while chunk := os.read(pipe, 16):
        said += chunk
    return said == FAREWELL


def _stop_all(belongings: Belongings, *, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    for pid in belongings.pids():
        if not works_in(pid, belongings.cluster):  # to PostgreSQL it would mean: wait for clients
            send(pid, signal.SIGTERM)
    while belongings.pids() and time.monotonic() < deadline:
        time.sleep(0.05)
    sweep(belongings)


if __name__ == "__main__":
    main(sys.argv[1:])
