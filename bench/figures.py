"""One figure of a benchmark, and the one table that all of them are printed in.

A benchmark ends by `report(figures)`: the table for people, then one line of JSON for
`python -m bench`, which puts all benchmarks in one table.
"""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Final

_HEAD: Final = ("what", "ours", "bare", "ratio", "spread", "target", "")
_SHOWN: Final = ("fastapi", "uvicorn", "asyncpg", "onnxruntime", "opencv-python-headless")


@dataclass(frozen=True)
class Figure:
    """What was measured: ours, what it is compared with, and the target of their ratio.

    Without something bare to compare with, the target is of our figure itself. `target` is `<=`
    or `>=` and a number, or nothing where a figure only informs.
    """

    what: str
    ours: float
    unit: str
    bare: float | None = None
    target: str = ""
    ratios: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios, or of this one."""
        if self.ratios:
            return statistics.median(self.ratios)
        return self.ours / self.bare if self.bare else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.target:
            return None
        sign, bound = self.target[:2], float(self.target[2:])
        judged = self.ours if self.ratio is None else self.ratio
        return judged <= bound if sign == "<=" else judged >= bound

    @property
    def spread(self) -> str:
        """Least and most of the rounds."""
        return f"{min(self.ratios):.2f}–{max(self.ratios):.2f}" if len(self.ratios) > 1 else ""

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        met = {None: "", True: "met", False: "NOT MET"}[self.is_met]
        return (
            self.what,
            f"{_short(self.ours)} {self.unit}",
            "" if self.bare is None else f"{_short(self.bare)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.spread,
            self.target.replace("<=", "≤ ").replace(">=", "≥ "),
            met,
        )


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """The rows in columns."""
    rows = [_HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = (
            cell.ljust(width) if column in (0, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def machine() -> Iterator[str]:
    """Where and on what it was measured, and what else the machine did."""
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    yield f"{_processor()}, {os.cpu_count()} cores, load average {load}"
    libraries = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
    yield f"Linux {platform.release()}, Python {platform.python_version()}, {libraries}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def report(figures: Sequence[Figure]) -> None:
    """Print the machine, the table, and the line for `python -m bench`."""
    for line in (*machine(), *table(figures)):
        print(line)
    print(json.dumps([asdict(figure) for figure in figures]))


def read(output: str) -> list[Figure]:
    """The figures that a benchmark printed last.

    Raises:
        ValueError: its last line is no figures.
    """
    rows: list[dict[str, Any]] = json.loads(output.strip().rsplit("\n", 1)[-1])
    return [Figure(**{**row, "ratios": tuple(row["ratios"])}) for row in rows]


def merged(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """The rounds of one benchmark as one list: medians, with the ratio of each round kept."""
    by_name: dict[str, list[Figure]] = {}
    for figures in rounds:
        for figure in figures:
            by_name.setdefault(figure.what, []).append(figure)
    return [_median(same) for same in by_name.values()]


def _median(same: Sequence[Figure]) -> Figure:
    first = same[0]
    bares = [figure.bare for figure in same if figure.bare is not None]
    own = (
        figure.ratios or ((figure.ratio,) if figure.ratio is not None else ()) for figure in same
    )
    return Figure(
        first.what,
        statistics.median(figure.ours for figure in same),
        first.unit,
        bare=statistics.median(bares) if bares else None,
        target=first.target,
        ratios=tuple(ratio for ratios in own for ratio in ratios),
    )
