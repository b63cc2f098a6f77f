"""When each client was answered, and from that: how long a fault was felt."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

_KEPT: Final = 20_000


class Pulse:
    """One client's requests: when each began, when it ended, whether it was acknowledged."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.acknowledged = 0
        self.refused: Counter[str] = Counter()
        self._answers: deque[tuple[float, float, bool]] = deque(maxlen=_KEPT)

    def good(self, began: float, *, ended: float | None = None) -> None:
        """A request that began then has been acknowledged."""
        self.acknowledged += 1
        self._answers.append((began, time.monotonic() if ended is None else ended, True))

    def bad(self, began: float, why: str, *, ended: float | None = None) -> None:
        """A request that began then has not been acknowledged."""
        self.refused[why] += 1
        self._answers.append((began, time.monotonic() if ended is None else ended, False))

    def recovered_at(self, since: float) -> float | None:
        """When this client was served again after a fault, for good; None while it is not.

        It is the first acknowledgement of a request that began after the fault and after which
        no request failed. One that was under way when the fault came proves nothing.
        """
        found: float | None = None
        for began, ended, is_good in self._answers:
            if ended < since:
                continue
            if not is_good:
                found = None
            elif found is None and began >= since:
                found = ended
        return found


def recovery_s(pulses: Iterable[Pulse], since: float) -> dict[str, float] | None:
    """Seconds from the fault until each kind's last client was served; None while one is not."""
    by_kind: dict[str, float] = {}
    for pulse in pulses:
        at = pulse.recovered_at(since)
        if at is None:
            return None
        by_kind[pulse.kind] = max(by_kind.get(pulse.kind, 0.0), at - since)
    return by_kind
