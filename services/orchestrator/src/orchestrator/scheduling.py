"""Which machine gets which inspection: pure, by measured cost (contract, chapter 5)."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from orchestrator.places import distance

DEFAULT_COST_S: Final = 1.0


class Costs:
    """Measured seconds by machine and inspection type; what was never measured is inferred."""

    def __init__(self, measured: Mapping[tuple[str, str], float] | None = None) -> None:
        self._measured = dict(measured or {})
        by_machine: defaultdict[str, list[float]] = defaultdict(list)
        by_type: defaultdict[str, list[float]] = defaultdict(list)
        for (machine_id, inspection_type), seconds in self._measured.items():
            by_machine[machine_id].append(seconds)
            by_type[inspection_type].append(seconds)
        self._by_machine = {machine_id: fmean(found) for machine_id, found in by_machine.items()}
        self._by_type = {kind: fmean(found) for kind, found in by_type.items()}
        self._overall = fmean(self._measured.values()) if self._measured else DEFAULT_COST_S

    def of(self, machine_id: str, inspection_type: str) -> float:
        """The best guess: measured here, else the mean of other machines, else of this machine."""
        known = self._measured.get((machine_id, inspection_type))
        if known is not None:
            return known
        on_others = self._by_type.get(inspection_type)
        if on_others is not None:
            return on_others
        return self._by_machine.get(machine_id, self._overall)

    def of_type(self, inspection_type: str) -> float:
        """What an inspection of this type takes on the mean of all machines."""
        return self._by_type.get(inspection_type, self._overall)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An inspection in the queue, as far as its assignment depends on it."""

    id: str
    inspection_type: str
    tools: frozenset[str] = frozenset()
    target_machine_id: str | None = None
    location: str = ""
    strategy: str = "load_balanced"
    preferred: frozenset[str] = frozenset()


@dataclass(slots=True)
class Offer:
    """A machine that may take work: its free slots, and the seconds of work it holds already."""

    machine_id: str
    location: str
    types: frozenset[str]
    tools: frozenset[str] | None
    slots: int
    free: int
    load_s: float = 0.0

    def fits(self, inspection: Waiting) -> bool:
        """True when this machine can do the inspection at all, free or not.

        A machine that names no types takes every type; one that sent no catalogue is taken at
        its word.
        """
        if inspection.target_machine_id not in (None, self.machine_id):
            return False
        if self.types and inspection.inspection_type not in self.types:
            return False
        return self.tools is None or inspection.tools <= self.tools


def free_slots(slots: int, *, leases: int, reported: int) -> int:
    """What a machine has left: its slots less the larger of its leases and what it reported."""
    return max(0, slots - max(leases, reported))


def choose(inspection: Waiting, offers: Sequence[Offer], costs: Costs) -> Offer | None:
    """The machine that should take the inspection now, None when none that can is free.

    Preferred machines go first where one of them is free; ties are broken by load, then by id,
    so that the choice does not depend on the order of the offers.
    """
    able = [offer for offer in offers if offer.free > 0 and offer.fits(inspection)]
    preferred = [offer for offer in able if offer.machine_id in inspection.preferred]
    rank = _RANKS[inspection.strategy]

    def order(offer: Offer) -> tuple[float, float, str]:
        finish_s = _finish_s(offer, inspection, costs)
        return (rank(offer, inspection), finish_s, offer.machine_id)

    return min(preferred or able, key=order, default=None)


def _finish_s(offer: Offer, inspection: Waiting, costs: Costs) -> float:
    """When the inspection would be done here if all that the machine holds ran side by side."""
    own = costs.of(offer.machine_id, inspection.inspection_type)
    return offer.load_s / offer.slots + own


def _by_load(offer: Offer, inspection: Waiting) -> float:
    return 0.0


def _by_distance(offer: Offer, inspection: Waiting) -> float:
    return distance(inspection.location, offer.location)


def _by_breadth(offer: Offer, inspection: Waiting) -> float:
    return float(len(offer.types)) or math.inf


_RANKS: Final[Mapping[str, Callable[[Offer, Waiting], float]]] = {
    "load_balanced": _by_load,
    "nearest": _by_distance,
    "specialized": _by_breadth,
}


def assign(
    waiting: Iterable[Waiting], offers: Sequence[Offer], costs: Costs
) -> list[tuple[Waiting, Offer]]:
    """Give each inspection, in the order of the queue, the best machine that is left.

    The offers are used up: their free slots and loads change.
    """
    given = []
    for inspection in waiting:
        offer = choose(inspection, offers, costs)
        if offer is not None:
            offer.free -= 1
            offer.load_s += costs.of(offer.machine_id, inspection.inspection_type)
            given.append((inspection, offer))
    return given
