"""Which benchmarks `make bench` runs, and with which arguments they fit into minutes."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure, merged, read

_PATIENCE_S: Final = 600.0


@dataclass(frozen=True)
class Bench:
    """One benchmark: its module below `bench`, and its arguments."""

    module: str
    arguments: tuple[str, ...] = ()


SUITE: Final = (
    Bench("vision"),
    Bench("queue_claims"),
    Bench("devices_ingest", ("--rows", "50000")),
    Bench("floor_load", ("200", "15")),
    Bench("mqtt", ("--messages", "5000", "--idle", "1000")),
    Bench("printers_farm", ("500", "20")),
    Bench("cluster_sockets", ("200", "8")),
    Bench("promptness", ("--times", "3")),
    Bench("dashboard", ("--minutes", "0.5")),
    Bench("gateway", ("--requests", "2000", "--rounds", "3")),
)


@dataclass(frozen=True)
class Result:
    """What a benchmark gave: its figures, or why there are none."""

    bench: Bench
    seconds: float
    figures: Sequence[Figure]
    problem: str = ""


def results(*, only: Sequence[str], rounds: int) -> Iterator[Result]:
    """Run each benchmark in processes of its own, one after the other."""
    for bench in SUITE:
        if not only or bench.module in only:
            yield _result(bench, rounds=rounds)


def _result(bench: Bench, *, rounds: int) -> Result:
    began = time.monotonic()
    taken: list[list[Figure]] = []
    problem = ""
    for _ in range(rounds):
        command = [sys.executable, "-m", f"bench.{bench.module}", *bench.arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=_PATIENCE_S
            )
            taken.append(read(done.stdout))
        except subprocess.CalledProcessError as error:
            problem = f"exit code {error.returncode}: {error.stderr.strip()[-300:]}"
        except (subprocess.TimeoutExpired, ValueError) as error:
            problem = str(error)[-300:]
    return Result(bench, time.monotonic() - began, merged(taken), problem)
