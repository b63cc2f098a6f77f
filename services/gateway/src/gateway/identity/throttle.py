"""Slows down who guesses passwords: 10 tries a minute for a name from an address, 60 an address.

slowapi counts, over all doors together and over all gateways where Redis is configured. Its
decorator costs 30 µs a request, which is nothing beside a password hash.
"""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import Request
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded

from common.errors import RateLimited

_PAIR: Final = "10/minute"
_ADDRESS: Final = "60/minute"
_SCOPE: Final = "login"
_WINDOW_S: Final = 60
# slowapi asks Redis from within the loop, so Redis may not keep it waiting.
_REDIS_OPTIONS: Final[Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}


def address_of(request: Request) -> str:
    """The client's address as the edge has found it."""
    return str(request.scope.get("gemba.address", "unknown"))


async def remember_username(request: Request) -> None:
    """Read the name out of any door's body, so that the throttle can count by it; a dependency."""
    body = (await request.body())[:65_536]
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form"):
            name: object = parse_qs(body.decode()).get("username", [""])[0]
        else:
            read = json.loads(body)
            name = read.get("username", "") if isinstance(read, dict) else ""
    except (ValueError, RecursionError):
        name = ""
    request.state.username = str(name)[:200].casefold()


def _pair_of(request: Request) -> str:
    return f"{address_of(request)}|{request.state.username}"


class LoginThrottle:
    """The limiter of the login doors."""

    def __init__(self, redis_url: str) -> None:
        self._limiter = Limiter(
            key_func=address_of,
            storage_uri=redis_url or "memory://",
            storage_options=_REDIS_OPTIONS if redis_url else {},
            in_memory_fallback_enabled=bool(redis_url),
            # The pair's own limit stands when Redis is away.
            in_memory_fallback=[_PAIR] if redis_url else [],
        )

    def door(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a login endpoint; all of them share the two buckets."""
        by_pair = self._limiter.shared_limit(_PAIR, scope=_SCOPE, key_func=_pair_of)
        by_address = self._limiter.shared_limit(_ADDRESS, scope=_SCOPE, key_func=address_of)
        wrapped: Callable[..., Any] = by_address(by_pair(endpoint))
        return wrapped

    @property
    def limiter(self) -> Limiter:
        """What slowapi looks for on `app.state.limiter`."""
        return self._limiter


def translate_throttled(error: RateLimitExceeded) -> RateLimited:
    """slowapi's refusal as an error of the house."""
    limit = error.limit.limit.amount if error.limit is not None else 0
    return RateLimited(limit=limit, window="1 minute", retry_after_s=_WINDOW_S)
