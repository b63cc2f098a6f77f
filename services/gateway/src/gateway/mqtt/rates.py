"""How many messages an identity may send, over all its connections."""

import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from gateway.mqtt.identities import Identity


class Bucket:
    """Fills with time; whoever finds it empty waits until it has what it took."""

    __slots__ = ("__weakref__", "_clock", "_full_at", "_per_s", "_size_s")

    def __init__(self, *, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._per_s = per_s
        self._size_s = burst / per_s
        self._full_at = clock()

    def take(self) -> float:
        """Take one; the seconds to wait before the next, 0 for none."""
        now = self._clock()
        self._full_at = max(self._full_at, now) + 1 / self._per_s
        return max(0.0, self._full_at - now - self._size_s)


class Buckets:
    """One bucket an identity, for as long as one of its connections holds it."""

    def __init__(
        self, *, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: WeakValueDictionary[Identity, Bucket] = WeakValueDictionary()

    def of(self, identity: Identity) -> Bucket:
        """The identity's bucket."""
        bucket = self._buckets.get(identity)
        if bucket is None:
            bucket = Bucket(per_s=self._per_s, burst=self._burst, clock=self._clock)
            self._buckets[identity] = bucket
        return bucket
