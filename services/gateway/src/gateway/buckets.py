"""Counts requests by principal: in this process, or in Redis where several gateways share limits.

The windows are those of the library `limits`; its storage is used directly, because its strategy
object costs 19 µs a request against 5.
"""

import logging
import math
import time
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem
from limits.aio.storage import Storage as SharedStorage
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string

_RETRY_SHARED_AFTER_S: Final = 5.0
_REDIS_TIMEOUT_S: Final = 0.5
_log = logging.getLogger("limits")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a principal stands in its bucket after this request."""

    limit: int
    remaining: int
    reset_at: int
    is_allowed: bool
    window: str

    @property
    def retry_after_s(self) -> int:
        """Whole seconds until the bucket is full again, at least one."""
        return max(1, math.ceil(self.reset_at - time.time()))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The three headers of every limited answer."""
        return [
            (b"x-ratelimit-limit", str(self.limit).encode()),
            (b"x-ratelimit-remaining", str(self.remaining).encode()),
            (b"x-ratelimit-reset", str(self.reset_at).encode()),
        ]


class Buckets:
    """Takes one from a bucket; falls back to local buckets while Redis is away."""

    def __init__(self, redis_url: str) -> None:
        self._local = MemoryStorage()
        self._shared: SharedStorage | None = None
        self._shared_again_at = 0.0
        if redis_url:
            storage = storage_from_string(
                f"async+{redis_url}",
                implementation="redispy",
                wrap_exceptions=True,
                socket_timeout=_REDIS_TIMEOUT_S,
                socket_connect_timeout=_REDIS_TIMEOUT_S,
            )
            assert isinstance(storage, SharedStorage)
            self._shared = storage

    async def take(self, rate: RateLimitItem, *, row: str, principal: str) -> Verdict:
        """Count one request of this principal against a row of the limits table."""
        key = f"{row}/{principal}/{rate.amount}/{rate.get_expiry()}"
        shared = self._shared
        if shared is not None and time.monotonic() >= self._shared_again_at:
            try:
                count = await shared.incr(key, rate.get_expiry())
                return _verdict(rate, count, await shared.get_expiry(key))
            except (StorageError, OSError) as error:
                self._shared_again_at = time.monotonic() + _RETRY_SHARED_AFTER_S
                _log.warning("Redis does not answer, limits are local for now: %r", error)
        count = self._local.incr(key, rate.get_expiry())
        return _verdict(rate, count, self._local.get_expiry(key))

    async def ping(self) -> None:
        """Ask Redis, where it is configured.

        Raises:
            ConnectionError: it does not answer.
        """
        if self._shared is not None and not await self._shared.check():
            raise ConnectionError("Redis does not answer")


def _verdict(rate: RateLimitItem, count: int, expires_at: float) -> Verdict:
    multiples = f"{rate.multiples} {rate.GRANULARITY.name}{'s' if rate.multiples > 1 else ''}"
    return Verdict(
        limit=rate.amount,
        remaining=max(0, rate.amount - count),
        reset_at=math.ceil(expires_at),
        is_allowed=count <= rate.amount,
        window=multiples,
    )
