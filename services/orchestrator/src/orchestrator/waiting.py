"""How long an inspection will wait, from measured times: pure arithmetic.

The slots of the machines that can take it drain the work ahead of it like water from basins: the
time at which they have done all of it, working side by side, is the estimate.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.scheduling import Costs, Offer, Waiting


@dataclass(frozen=True, slots=True)
class Bench:
    """A machine with the seconds after which each of its slots is free; inf for a live source."""

    offer: Offer
    free_after_s: tuple[float, ...]


def drained_after_s(work_s: float, free_after_s: Sequence[float]) -> float | None:
    """When the work is done by these slots together; None when no slot ever comes free.

    The answer is the smallest t with sum(max(0, t - slot)) = work, and not before the first slot
    is free.
    """
    slots = sorted(s for s in free_after_s if math.isfinite(s))
    if not slots:
        return None
    total = 0.0
    for count, slot in enumerate(slots, start=1):
        total += slot
        level = (work_s + total) / count
        if count == len(slots) or level <= slots[count]:
            return max(level, slots[0])
    return None


def remaining_s(cost_s: float, *, elapsed_s: float) -> float:
    """What a running inspection still takes; one over its time is as good as done."""
    return max(0.0, cost_s - elapsed_s)


def estimate_waits(
    queue: Iterable[Waiting], benches: Sequence[Bench], costs: Costs
) -> list[float | None]:
    """The wait of each inspection of a queue in order; None where no machine can ever take it."""
    ahead: dict[frozenset[str], float] = {}
    answers: list[float | None] = []
    able_of: dict[tuple[object, ...], list[Bench]] = {}
    for inspection in queue:
        key = (inspection.inspection_type, inspection.tools, inspection.target_machine_id)
        if key not in able_of:
            able_of[key] = [bench for bench in benches if bench.offer.fits(inspection)]
        able = able_of[key]
        answers.append(_wait_of(able, ahead))
        if able:
            machines = frozenset(bench.offer.machine_id for bench in able)
            cost_s = costs.of_type(inspection.inspection_type)
            ahead[machines] = ahead.get(machines, 0.0) + cost_s
    return answers


def _wait_of(able: Sequence[Bench], ahead: Mapping[frozenset[str], float]) -> float | None:
    """Work that only shares some machines with us counts by the part of it that meets us."""
    machines = frozenset(bench.offer.machine_id for bench in able)
    work_s = sum(s * len(group & machines) / len(group) for group, s in ahead.items())
    return drained_after_s(work_s, [s for bench in able for s in bench.free_after_s])
