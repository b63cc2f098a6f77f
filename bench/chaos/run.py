"""Runs faults against a mesh under load and measures how long each was felt."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from bench.chaos.faults import Fault, Unexpected
from bench.load.ledger import Verdict
from bench.load.mixed import Mixed, mixed_load
from bench.load.pulse import Pulse, recovery_s
from bench.load.site import HONEST
from gemba_local.mesh import LocalMesh, MeshError

TARGET_S: Final = 30.0
_PATIENCE_S: Final = 90.0
_CALM_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fault did: seconds until each kind of load was served again, None for never."""

    fault: str
    felt_s: dict[str, float] | None
    refused: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    @property
    def recovery_s(self) -> float | None:
        """Seconds until all were."""
        return max(self.felt_s.values()) if self.felt_s else None

    @property
    def felt(self) -> str:
        """The same in words, with what went wrong beside."""
        seconds = self.recovery_s
        shown = "never" if seconds is None else f"{seconds:.1f} s"
        return f"{shown} {self.problem}".strip()

    @property
    def holds(self) -> bool:
        """True when all were within the target, and nobody was told anything wrong."""
        seconds = self.recovery_s
        return seconds is not None and seconds <= TARGET_S and not (self.problem or self.defects)

    @property
    def defects(self) -> list[str]:
        """Answers that nobody should get while a part is away."""
        return [why for why in self.refused if why[0] in "45" and int(why[:3]) not in HONEST]


@dataclass(frozen=True, slots=True)
class Report:
    """All of one run."""

    outcomes: list[Outcome]
    verdicts: list[Verdict]

    @property
    def holds(self) -> bool:
        """True when every fault was overcome and every ledger agrees with the store."""
        return all(outcome.holds for outcome in self.outcomes) and all(
            verdict.holds for verdict in self.verdicts
        )


async def run(mesh: LocalMesh, todo: Iterable[Fault], *, calm_s: float = _CALM_S) -> Report:
    """Inflict the faults one after the other, with calm between them, then compare."""
    outcomes = []
    async with mixed_load(mesh) as load:
        await _all_served(load, time.monotonic(), patience_s=_PATIENCE_S)
        for fault in todo:
            outcome = await _outcome(load, fault)
            print(f"{fault.name}: {outcome.felt}", flush=True)
            outcomes.append(outcome)
            await asyncio.sleep(calm_s)
        verdicts = await load.verdicts()
    return Report(outcomes, verdicts)


async def _outcome(load: Mixed, fault: Fault) -> Outcome:
    before = _refused(load.pulses)
    problem = ""
    try:
        since = await fault.inflict(load)
    except (Unexpected, MeshError) as error:
        since, problem = time.monotonic(), str(error).splitlines()[0]
    felt = await _all_served(load, since, patience_s=_PATIENCE_S)
    return Outcome(fault.name, felt, _refused(load.pulses) - before, problem)


async def _all_served(load: Mixed, since: float, *, patience_s: float) -> dict[str, float] | None:
    """Seconds until each kind was served again, once that has lasted for some seconds."""
    deadline = since + patience_s
    felt: dict[str, float] | None = None
    while time.monotonic() < deadline:
        felt = recovery_s(load.pulses, since)
        if felt is not None and time.monotonic() - since - max(felt.values()) > _CALM_S:
            break
        await asyncio.sleep(0.2)
    return felt


def _refused(pulses: Iterable[Pulse]) -> Counter[str]:
    total: Counter[str] = Counter()
    for pulse in pulses:
        total += pulse.refused
    return total
