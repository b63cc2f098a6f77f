"""What every client of the load needs: the mesh, a caller with rights, and an end."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bench.load.pulse import Pulse
from gemba_local.mesh import LocalMesh

TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.2
# The load comes from one address and one user; limits are tested elsewhere.
LIMITS: Final = {
    row: "1000000/minute"
    for row in ("tracking", "query", "metrics", "orchestrator", "telemetry", "rest")
}
SETTINGS: Final = {
    "GEMBA_LIMITS": json.dumps(LIMITS),
    "GEMBA_LOG_LEVEL": "WARNING",
    # The load speaks for its camera; nobody is to look for it in the network.
    "GEMBA_CAMERA_SUPERVISION": "false",
}


@dataclass(frozen=True)
class Site:
    """One mesh under load."""

    mesh: LocalMesh
    http: httpx.AsyncClient
    is_over: asyncio.Event

    async def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a POST that has to succeed answers."""
        answer = await self.http.post(path, json=body)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
        made: dict[str, Any] = answer.json()
        return made

    async def steadily(
        self, pulse: Pulse, attempt: Callable[[], Awaitable[httpx.Response]], *, every_s: float
    ) -> None:
        """Make attempts until the end, telling the pulse of each.

        What an attempt sends is its own business: after a failure it may be the same again.
        """
        while not self.is_over.is_set():
            began = time.monotonic()
            try:
                answer = await attempt()
            except httpx.TransportError as error:
                pulse.bad(began, type(error).__name__)
                await self.pause(_PAUSE_S)
                continue
            if answer.is_success:
                pulse.good(began)
                await self.pause(every_s)
            else:
                pulse.bad(began, str(answer.status_code))
                await self.pause(_PAUSE_S)

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the end."""
        try:
            await asyncio.wait_for(self.is_over.wait(), seconds)
        except TimeoutError:
            return


@asynccontextmanager
async def signed_in(mesh: LocalMesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway with the admin's token."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=TIMEOUT_S) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"username": "admin", "password": mesh.admin_password}
        )
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
