"""A second gateway beside the mesh's own: same store, own limits, and an echo behind it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick
from tests.callers import calling
from tests.gateway.echo import echo_app
from tests.patience import PATIENCE_S

_TEST_PORTS = range(30_000, 31_000)


@dataclass(frozen=True)
class Process:
    """A gateway of a test's own."""

    url: str
    pid: int
    log: Path

    @property
    def resident_kib(self) -> int:
        """The memory that it holds."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


@pytest.fixture(scope="package")
async def echo() -> AsyncIterator[str]:
    """The address of a service that tells what reached it."""
    port = pick(_TEST_PORTS)
    config = uvicorn.Config(
        echo_app(), port=port, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


StartGateway = Callable[..., Awaitable[Process]]


@pytest.fixture(scope="package")
def gateway_environment(mesh: LocalMesh, echo: str) -> dict[str, str]:
    """What a gateway needs to stand beside the mesh's own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GEMBA_")}
    database_url = mesh.database_url.replace("postgresql://", "postgresql+asyncpg://")
    return environment | {
        "GEMBA_DATABASE_URL": database_url,
        "GEMBA_NATS_URL": mesh.nats_url,
        "GEMBA_SIGNING_KEY_FILE": str(mesh.data_dir / "secrets" / "signing_key.pem"),
        "GEMBA_MESH_SECRET": mesh.secret("mesh_secret"),
        "GEMBA_DEVICES_URL": echo,
        "GEMBA_ORCHESTRATOR_URL": echo,
        "GEMBA_TRACKING_URL": "http://127.0.0.1:9",
        # Not the default port: another mesh may run on this machine.
        "GEMBA_CLUSTER_URL": "http://127.0.0.1:9",
        "GEMBA_PRINTERS_URL": echo,
        "GEMBA_TRUSTED_PROXIES": "127.0.0.1",
    }


@asynccontextmanager
async def running_gateway(environment: dict[str, str], log: Path) -> AsyncIterator[Process]:
    """A gateway process that is ready; ended at the end."""
    port = pick(_TEST_PORTS)
    environment = environment | {"GEMBA_GATEWAY_PORT": str(port)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=environment, stdout=file, stderr=file
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with calling() as client, asyncio.timeout(PATIENCE_S):
            while not await _is_ready(client, url):
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Process(url, process.pid, log)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="package")
async def second(
    gateway_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Process]:
    """A gateway with the contract's own limits and the echo as several services."""
    log = tmp_path_factory.mktemp("gateway") / "second.log"
    async with running_gateway(gateway_environment, log) as process:
        yield process


@pytest.fixture
def token_of() -> Callable[[httpx.AsyncClient], str]:
    """The bearer token that a client sends."""
    return lambda client: client.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def pem(mesh: LocalMesh) -> str:
    """The mesh's private signing key."""
    return (mesh.data_dir / "secrets" / "signing_key.pem").read_text()
