"""Memory under steady mixed load: `python -m bench.soak [--minutes 20] [--warm-up-minutes 18]`.

The load is that of `make chaos`, without faults. Each process's resident memory is taken every ten
seconds once it has warmed up; PostgreSQL's is the private memory of all its processes. Exit code 1
when one grows, or when a ledger does not agree with the store.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from bench.load.ledger import Verdict
from bench.load.mixed import mixed_load
from bench.load.site import SETTINGS
from bench.trend import Trend, trend
from gemba_local.mesh import LocalMesh

_EVERY_S: Final = 10.0
# NATS holds the newest block of a stream in memory: 8 MB, which this load writes in 17 minutes.
# PostgreSQL's connections are ten minutes old before they are renewed.
_WARM_UP_MINUTES: Final = 18.0
# NATS keeps events for an hour, so it would fill for an hour. Here its stream is full at the end of
# the warm-up, and has to stay as it is.
_SETTINGS: Final = {**SETTINGS, "GEMBA_EVENTS_KEPT_S": "240"}
Samples = Mapping[str, Sequence[tuple[float, float]]]


def memory_mib(name: str, pid: int) -> float:
    """What a process holds now; raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    if name != "postgres":
        return float(process.memory_info().rss) / 2**20
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            info = one.memory_info()
        except psutil.NoSuchProcess:
            continue
        total += info.rss - info.shared
    return total / 2**20


async def soak(
    mesh: LocalMesh, *, warm_up_minutes: float, minutes: float
) -> tuple[Samples, list[Verdict]]:
    """Load for both times, and look at every process in the second."""
    samples: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    async with mixed_load(mesh) as load:
        await asyncio.sleep(warm_up_minutes * 60)
        began = time.monotonic()
        while (elapsed_s := time.monotonic() - began) < minutes * 60:
            for name, pid in mesh.pids().items():
                samples[name].append((elapsed_s, memory_mib(name, pid)))
            await asyncio.sleep(_EVERY_S)
        return samples, await load.verdicts()


def lines(trends: Mapping[str, Trend], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The table."""
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    yield f"{os.cpu_count()} cores, load average {load}"
    yield f"{'process':14} {'MiB':>8} {'MiB an hour':>12} {'± 2 errors':>11}"
    for name, one in trends.items():
        yield (
            f"{name:14} {one.mean_mib:8.1f} {one.slope_mib_h:+12.1f} {2 * one.error_mib_h:11.1f} "
            f"{'flat' if one.is_flat else 'GROWS'}"
        )
    for verdict in verdicts:
        yield (
            f"{verdict.kind:28} {verdict.acknowledged} promised, {len(verdict.lost)} lost, "
            f"{len(verdict.doubled)} doubled {'ok' if verdict.holds else 'BROKEN'}"
        )
        yield from (f"    {note}" for note in verdict.notes)


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--warm-up-minutes", type=float, default=_WARM_UP_MINUTES)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalMesh(Path(folder) / "data", settings=_SETTINGS) as mesh,
    ):
        samples, verdicts = asyncio.run(
            soak(mesh, warm_up_minutes=options.warm_up_minutes, minutes=options.minutes)
        )
    trends = {name: trend(taken) for name, taken in samples.items()}
    print("\n".join(lines(trends, verdicts)))
    is_well = all(one.is_flat for one in trends.values()) and all(v.holds for v in verdicts)
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
