"""How soon a promise is kept: `python -m bench.promptness [--times N]`.

From the call, or the kill, to what follows from it; the slowest of all times counts. Tests show
that it follows; here is when.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from tests.mqtt.conftest import connect_packet
from tests.patience import PATIENCE_S, eventually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.figures import Figure, report
from bench.load.site import SETTINGS, signed_in
from gemba_local.mesh import LocalMesh

_VICTIM: Final = "printers"


@asynccontextmanager
async def _watching(mesh: LocalMesh, query: str = "", **options: Any) -> AsyncIterator[Any]:
    url = f"{mesh.url.replace('http', 'ws', 1)}/ws/devices{query}"
    async with connect(url, **options) as socket:
        yield socket


async def _closed(socket: ClientConnection) -> None:
    """Read until the other side closes."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()


async def logout_s(mesh: LocalMesh, _: httpx.AsyncClient) -> float:
    """From a logout to the end of the session's socket."""
    async with (
        signed_in(mesh) as leaving,
        _watching(
            mesh, additional_headers={"Authorization": leaving.headers["Authorization"]}
        ) as socket,
    ):
        began = time.monotonic()
        (await leaving.post("/api/v1/auth/logout")).raise_for_status()
        await _closed(socket)
        return time.monotonic() - began


async def key_s(mesh: LocalMesh, admin: httpx.AsyncClient) -> float:
    """From the revocation of an API key to the end of its socket."""
    body = {"name": "promptness", "permissions": ["read"]}
    made = (await admin.post("/api/v1/auth/api-keys", json=body)).raise_for_status().json()
    async with _watching(mesh, f"?token={made['api_key']}") as socket:
        began = time.monotonic()
        (await admin.delete(f"/api/v1/auth/api-keys/{made['key_id']}")).raise_for_status()
        await _closed(socket)
        return time.monotonic() - began


async def device_token_s(mesh: LocalMesh, admin: httpx.AsyncClient) -> float:
    """From the revocation of a device's token to the end of its MQTT connection."""
    device = (await admin.post("/api/devices/", json={"name": "Promptness"})).json()
    path = f"/api/devices/{device['id']}/token/"
    token = (await admin.post(path)).json()["token"]
    door = urlsplit(mesh.url_of("mqtt"))
    reader, writer = await asyncio.open_connection(door.hostname, door.port)
    try:
        writer.write(connect_packet(token))
        assert (await reader.readexactly(4))[3] == 0, "the token was refused"
        began = time.monotonic()
        (await admin.delete(path)).raise_for_status()
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
        return time.monotonic() - began
    finally:
        writer.close()


async def alert_s(mesh: LocalMesh, admin: httpx.AsyncClient) -> float:
    """From a service's `kill -9` to the alert; it is healthy again afterwards."""

    async def alerts() -> Any:
        query = f"/alerts?component=service:{_VICTIM}&resolved=false"
        return (await admin.get(query)).json()

    async def is_well() -> bool:
        service = (await admin.get("/cluster/status")).json()["services"].get(_VICTIM, {})
        return service.get("status") == "healthy" and not await alerts()

    await eventually(is_well, what="a healthy service")
    mesh.kill(_VICTIM)
    began = time.monotonic()
    await eventually(alerts, what="the alert")
    return time.monotonic() - began


_PROMISES: Final[tuple[tuple[str, Callable[..., Any], float], ...]] = (
    ("a logout ends the session's socket", logout_s, 1),
    ("a revoked API key ends its socket", key_s, 1),
    ("a revoked device token ends its MQTT connection", device_token_s, 1),
    ("a killed service is an alert", alert_s, 10),
)


async def bench(mesh: LocalMesh, *, times: int) -> list[Figure]:
    """The slowest time of each promise."""
    figures = []
    async with signed_in(mesh) as admin:
        for what, taken, limit_s in _PROMISES:
            slowest = max([await taken(mesh, admin) for _ in range(times)])
            figures.append(Figure(what, slowest, "s", target=f"<={limit_s}"))
    return figures


def main() -> None:
    """Start a mesh, measure, stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.promptness", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="gemba-promptness-") as folder,
        LocalMesh(Path(folder) / "data", settings=SETTINGS) as mesh,
    ):
        figures = asyncio.run(bench(mesh, times=options.times))
    report(figures)


if __name__ == "__main__":
    main()
