"""`/health`: the whole mesh in one answer, public and never limited (contract, chapter 1)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import httpx
import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from common.bus import Bus
from common.db import Database
from common.serve import VERSION, service_router
from gateway.buckets import Buckets
from gateway.settings import Settings

_PROBE_S: Final = 2.0
_REMEMBERED_S: Final = 1.0
_VITAL: Final = ("postgresql", "nats")
Probe = Callable[[], Awaitable[None]]
HealthStatus = Literal["healthy", "degraded", "unhealthy"]


class Health(BaseModel):
    """The body of `GET /health`."""

    status: HealthStatus
    timestamp: datetime
    version: str
    components: dict[str, Any]
    uptime_seconds: int


class HealthProbe:
    """Asks every part at once; an answer is good for a second, so that nobody can hammer us."""

    def __init__(
        self, settings: Settings, *, database: Database, bus: Bus, buckets: Buckets
    ) -> None:
        self._settings = settings
        self._database = database
        self._bus = bus
        self._buckets = buckets
        self._started = time.monotonic()
        self._last: tuple[float, Health] | None = None
        self._lock = asyncio.Lock()

    async def ask(self, client: httpx.AsyncClient) -> Health:
        """The state of the mesh, at most a second old."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _REMEMBERED_S:
                self._last = (time.monotonic(), await self._probe(client))
            return self._last[1]

    async def _probe(self, client: httpx.AsyncClient) -> Health:
        settings = self._settings
        services = settings.upstreams
        readiness = asyncio.gather(*(_ready(client, url) for url in services.values()))
        redis = self._buckets.ping if settings.redis_url.get_secret_value() else None
        parts = asyncio.gather(
            _state(self._database.ping),
            _state(redis),
            _state(_page(client, settings.qdrant_url, "/healthz")),
            _state(_page(client, settings.llm_url, "/models")),
        )
        answers, states = await readiness, await parts
        components: dict[str, Any] = {
            "postgresql": states[0],
            "nats": "healthy" if self._bus.is_connected else "unhealthy",
            "redis": states[1],
            "qdrant": states[2],
            "ollama": states[3],
            "cameras": {},
            "gpu": None,
            "gateway": "healthy",
        }
        for name, answer in zip(services, answers, strict=True):
            components[name] = "healthy" if answer.get("status") == "ready" else "unhealthy"
            components |= {k: answer[k] for k in ("cameras", "gpu") if k in answer}
        return Health(
            status=overall(components),
            timestamp=datetime.now(UTC),
            version=VERSION,
            components=components,
            uptime_seconds=int(time.monotonic() - self._started),
        )


def overall(components: Mapping[str, Any]) -> HealthStatus:
    """Unhealthy without database or bus, degraded without anything else that is configured."""
    if any(components[name] == "unhealthy" for name in _VITAL):
        return "unhealthy"
    if any(state == "unhealthy" for state in components.values() if isinstance(state, str)):
        return "degraded"
    return "healthy"


async def _state(probe: Probe | None) -> str:
    """What a part answers; None stands for a part that is not configured."""
    if probe is None:
        return "disabled"
    try:
        async with asyncio.timeout(_PROBE_S):
            await probe()
    except Exception:
        # Whatever went wrong, the part does not serve; the cause is in its own log.
        return "unhealthy"
    return "healthy"


async def _ready(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        response = await client.get(f"{url}/readyz", timeout=_PROBE_S)
        answer: dict[str, Any] = orjson.loads(response.content)
    except (httpx.HTTPError, orjson.JSONDecodeError):
        return {"status": "unreachable"}
    return answer


def _page(client: httpx.AsyncClient, url: str, path: str) -> Probe | None:
    async def probe() -> None:
        (await client.get(url.rstrip("/") + path)).raise_for_status()

    return probe if url else None


def health_router(probe: HealthProbe) -> APIRouter:
    """`/health` and its twin."""
    router = service_router(tags=["health"])

    @router.get("/api/health")
    @router.get("/health")
    async def health(request: Request, response: Response) -> Health:
        """The state of the mesh and of each of its parts."""
        answer = await probe.ask(request.app.state.http)
        response.status_code = 503 if answer.status == "unhealthy" else 200
        return answer

    return router
