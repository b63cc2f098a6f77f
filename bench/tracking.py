"""How well and how fast our tracker follows people, on MOTChallenge files that we may not keep.

`.venv/bin/python -m bench.tracking FOLDER…` reads `det.txt` and `gt.txt` of each folder and prints
IDF1 (Ristani and others, 2016), HOTA (Luiten and others, 2021), id switches and time a frame.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision_node.assignment import cheapest
from vision_node.tracking import Tracker, TrackerConfig, overlap

Floats = NDArray[np.float64]
Frame = tuple[list[int], Floats]
ALPHAS: Final = np.arange(0.05, 0.96, 0.05)


@dataclass(frozen=True, slots=True)
class Quality:
    """Percent, and a count."""

    idf1: float
    hota: float
    switches: int


def read_mot(path: Path) -> dict[int, Floats]:
    """Rows by frame: id, x, y, width, height, score."""
    table = np.loadtxt(path, delimiter=",", ndmin=2)
    return {int(frame): table[table[:, 0] == frame][:, 1:7] for frame in np.unique(table[:, 0])}


def corners(rows: Floats) -> Floats:
    """x, y, width, height in columns 1 to 4 → corners."""
    return np.concatenate([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]], axis=1)


def follow(detections: dict[int, Floats], last: int) -> tuple[list[Frame], float]:
    """Tracks of every frame, and the median milliseconds that one took."""
    tracker, found, times = Tracker(TrackerConfig()), list[Frame](), list[float]()
    for number in range(1, last + 1):
        rows = detections.get(number, np.empty((0, 6)))
        boxes = corners(rows)
        began = time.perf_counter()
        pairs = tracker.update(boxes, rows[:, 5])
        times.append((time.perf_counter() - began) * 1000)
        found.append(([track for _, track in pairs], boxes[[index for index, _ in pairs]]))
    return found, float(np.median(times))


def judge(truth: Sequence[Frame], found: Sequence[Frame]) -> Quality:
    """Score tracks against the truth, frame by frame."""
    likeness = [overlap(t[1], f[1]) for t, f in zip(truth, found, strict=True)]
    return Quality(
        100 * _idf1(truth, found, likeness),
        100 * _hota(truth, found, likeness),
        _switches(truth, found, likeness),
    )


def _idf1(truth: Sequence[Frame], found: Sequence[Frame], likeness: Sequence[Floats]) -> float:
    together: Counter[tuple[int, int]] = Counter()
    for (ids, _), (tracks, _), alike in zip(truth, found, likeness, strict=True):
        for row, column in zip(*np.nonzero(alike >= 0.5), strict=True):
            together[ids[row], tracks[column]] += 1
    people, tracks_all = sorted({a for a, _ in together}), sorted({b for _, b in together})
    gain = np.array([[together[a, b] for b in tracks_all] for a in people], float)
    shared = sum(gain[pair] for pair in cheapest((-gain).tolist())) if gain.size else 0.0
    total = sum(len(ids) for ids, _ in truth) + sum(len(ids) for ids, _ in found)
    return float(2 * shared / total)


def _hota(truth: Sequence[Frame], found: Sequence[Frame], likeness: Sequence[Floats]) -> float:
    people, tracks = Counter[int](), Counter[int]()
    potential: Counter[tuple[int, int]] = Counter()
    for (ids, _), (numbers, _), alike in zip(truth, found, likeness, strict=True):
        people.update(ids)
        tracks.update(numbers)
        whole = alike.sum(0, keepdims=True) + alike.sum(1, keepdims=True) - alike
        part = np.divide(alike, whole, out=np.zeros_like(alike), where=whole > 1e-9)
        for row, column in np.ndindex(*alike.shape):
            potential[ids[row], numbers[column]] += part[row, column]
    scores = []
    for alpha in ALPHAS:
        hits: Counter[tuple[int, int]] = Counter()
        for (ids, _), (numbers, _), alike in zip(truth, found, likeness, strict=True):
            if not alike.size:
                continue
            weight = np.array(
                [
                    [potential[a, b] / (people[a] + tracks[b] - potential[a, b]) for b in numbers]
                    for a in ids
                ]
            )
            for row, column in cheapest((-(weight * alike)).tolist()):
                if alike[row, column] >= alpha - 1e-9:
                    hits[ids[row], numbers[column]] += 1
        true = sum(hits.values())
        detection = true / max(1, people.total() + tracks.total() - true)
        association = sum(
            count * count / (people[a] + tracks[b] - count) for (a, b), count in hits.items()
        ) / max(1, true)
        scores.append((detection * association) ** 0.5)
    return float(np.mean(scores))


def _switches(truth: Sequence[Frame], found: Sequence[Frame], likeness: Sequence[Floats]) -> int:
    last: dict[int, int] = {}
    switches = 0
    for (ids, _), (numbers, _), alike in zip(truth, found, likeness, strict=True):
        if not alike.size:
            continue
        cost = np.where(alike >= 0.5, -alike, 0.0)
        for row, column in enumerate(ids):
            if column in last and last[column] in numbers:
                keep = numbers.index(last[column])
                cost[row, keep] -= 10 * (alike[row, keep] >= 0.5)
        for row, column in cheapest(cost.tolist()):
            if alike[row, column] < 0.5:
                continue
            switches += last.get(ids[row], numbers[column]) != numbers[column]
            last[ids[row]] = numbers[column]
    return switches


def measured(folder: Path) -> tuple[Quality, float]:
    """Quality and milliseconds a frame on one sequence."""
    gt, detections = read_mot(folder / "gt.txt"), read_mot(folder / "det.txt")
    last = max(*gt, *detections)
    truth = [
        (rows[:, 0].astype(int).tolist(), corners(rows))
        for rows in (gt.get(number, np.empty((0, 6))) for number in range(1, last + 1))
    ]
    found, time_ms = follow(detections, last)
    return judge(truth, found), time_ms


def at_ten_people() -> float:
    """Milliseconds a frame, the best of some, with ten people who walk."""
    random = np.random.default_rng(0)
    places, steps = random.uniform(0, 1500, (10, 2)), random.normal(0, 4, (10, 2))
    tracker, times = Tracker(), []
    for _ in range(500):
        places += steps
        boxes = np.concatenate([places, places + np.array([60, 160])], axis=1) + random.normal(
            0, 2, (10, 4)
        )
        began = time.perf_counter()
        tracker.update(boxes, np.full(10, 0.9))
        times.append((time.perf_counter() - began) * 1000)
    return float(np.median(times))


def main() -> None:
    """Print one row a sequence."""
    print(f"{'sequence':20} {'IDF1':>6} {'HOTA':>6} {'IDsw':>5} {'ms/frame':>9}")
    for name in sys.argv[1:]:
        quality, time_ms = measured(Path(name))
        print(
            f"{Path(name).name:20} {quality.idf1:6.1f} {quality.hota:6.1f} "
            f"{quality.switches:5} {time_ms:9.3f}"
        )
    print(f"{'ten people':20} {'':6} {'':6} {'':5} {at_ten_people():9.3f}")


if __name__ == "__main__":
    main()
