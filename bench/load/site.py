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
# What the gateway says while a part is away; anything else of the 4xx and 5xx is a defect.
HONEST: Final = frozenset({502, 503, 504})
_PAUSE_S: Final = 0.2
_READY_WITHIN_S: Final = 30.0
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
        """What a POST answers that has to succeed; a mesh that is still busy is asked again."""
        return await self.asked(lambda: self.http.post(path, json=body))

    async def asked(self, ask: Callable[[], Awaitable[httpx.Response]]) -> dict[str, Any]:
        """The content of an answer that has to be a good one, within some seconds.

        Raises:
            RuntimeError: it is not.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        while True:
            answer = await ask()
            if answer.is_success:
                content: dict[str, Any] = answer.json()
                return content
            if answer.status_code not in HONEST or time.monotonic() > deadline:
                raise RuntimeError(f"{answer.request.url}: {answer.status_code} {answer.text}")
            await asyncio.sleep(_PAUSE_S)

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
                pulse.bad(began, told(answer))
                await self.pause(_PAUSE_S)

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the end."""
        try:
            await asyncio.wait_for(self.is_over.wait(), seconds)
        except TimeoutError:
            return


def told(answer: httpx.Response) -> str:
    """What a client was told; in full where it should never be told so."""
    if answer.status_code in HONEST:
        return str(answer.status_code)
    path = answer.request.url.path
    return f"{answer.status_code} {answer.request.method} {path} {answer.text[:150]}"


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
