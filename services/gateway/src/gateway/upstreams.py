"""The services behind the gateway: each with its connections and a breaker."""

import time
from typing import Final

from gateway.connections import ConnectionPool

_OPEN_AFTER_FAILURES: Final = 5
_OPEN_FOR_S: Final = 2.0


class Breaker:
    """Stops asking a service that has not answered several times in a row, for two seconds.

    After that one request is let through; its outcome closes or opens the breaker again.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        """True while requests are refused without asking."""
        if self._failures < _OPEN_AFTER_FAILURES:
            return False
        now = time.monotonic()
        if now < self._closed_again_at:
            return True
        self._closed_again_at = now + _OPEN_FOR_S
        return False

    def succeeded(self) -> None:
        """The service answered, whatever it said."""
        self._failures = 0

    def failed(self) -> None:
        """No connection, or no answer in time."""
        self._failures += 1
        self._closed_again_at = time.monotonic() + _OPEN_FOR_S


class Upstream:
    """One service: its address, its connections and its breaker."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.connections = ConnectionPool(self.url)
        self.breaker = Breaker()
