"""What clients were promised, compared with what is stored: the arithmetic, and nothing else."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one kind of load came through; `notes` says what else is wrong, one line each."""

    kind: str
    acknowledged: int
    stored: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True when nothing is lost, nothing is doubled and nothing else is wrong."""
        return not (self.lost or self.doubled or self.notes)


def compare(
    kind: str,
    acknowledged: Iterable[Hashable],
    *,
    stored: Iterable[Hashable],
    notes: Iterable[str] = (),
) -> Verdict:
    """Judge promises by what is there.

    What is stored without an acknowledgement is no fault: its answer may have been lost on the
    way. What is stored twice is one, acknowledged or not.
    """
    promised, found = set(acknowledged), Counter(stored)
    return Verdict(
        kind,
        acknowledged=len(promised),
        stored=found.total(),
        lost=sorted(str(one) for one in promised - found.keys()),
        doubled=sorted(str(one) for one, times in found.items() if times > 1),
        notes=list(notes),
    )


def compare_stream(
    kind: str,
    seen: Iterable[int],
    *,
    stream: Iterable[int],
    excused: Iterable[tuple[int, int]] = (),
) -> Verdict:
    """Judge a viewer by the stream that it followed.

    Args:
        kind: its name in the table.
        seen: the `seq` of every event that came, in the order in which they came.
        stream: the `seq` of every event that the stream holds.
        excused: `(after, before)` gaps that the viewer was told of by a `resync`.
    """
    numbers = list(seen)
    gaps = list(excused)
    last = numbers[-1] if numbers else 0
    wanted = {
        seq for seq in stream if seq <= last and not any(low < seq < high for low, high in gaps)
    }
    backwards = [f"{b} came after {a}" for a, b in pairwise(numbers) if b < a]
    return Verdict(
        kind,
        acknowledged=len(wanted),
        stored=len(numbers),
        lost=[str(seq) for seq in sorted(wanted - set(numbers))],
        doubled=[str(seq) for seq, times in Counter(numbers).items() if times > 1],
        notes=backwards[:3],
    )
