"""An orchestrator on real servers, nodes that speak its protocol, and callers of every role."""

import secrets
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings

from tests.infrastructure import Issuer, Nats, Postgres, free_port, starting_service
from tests.orchestrator.node import Node
from tests.patience import eventually

# Leases and heartbeats keep the product's times: a busy machine must lose none by accident.
PROMPT = {"GEMBA_SWEEP_INTERVAL_S": "0.1", "GEMBA_DISPATCH_POLL_S": "0.2"}
# For tests about what happens when leases are lost and machines fall silent.
FORGETFUL = {"GEMBA_HEARTBEAT_INTERVAL_S": "1", "GEMBA_LEASE_S": "2", "GEMBA_MAX_ATTEMPTS": "2"}
# Two busy cores make any example slow now and then.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
PIPELINE: dict[str, Any] = {
    "tools": [
        {
            "name": "image_source",
            "parameters": {"source_type": "file", "file_path": "/path/to/image.jpg"},
        },
        {
            "name": "blob_detection",
            "parameters": {"min_area": 100, "max_area": 10000, "threshold": 128},
        },
    ],
    "connections": [{"from": "image_source", "to": "blob_detection"}],
}


@dataclass
class Running:
    """One orchestrator: its processes by address, and how to call it."""

    urls: list[str]
    issuer: Issuer
    environment: dict[str, str]
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def client(self, role: str, *, replica: int = 0, **claims: Any) -> httpx.AsyncClient:
        """A client that calls as this role."""
        return self.issuer.client(self.urls[replica], role, **claims)


Make = Callable[..., Running]


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    server = Postgres()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server."""
    server = Nats(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    """The keys by which callers are known."""
    issuer = Issuer()
    issuer.start()
    yield issuer
    issuer.close()


def _launch(
    stack: ExitStack,
    folder: Path,
    *,
    servers: tuple[Postgres, Nats, Issuer],
    settings: dict[str, str] | None = None,
    replicas: int = 1,
) -> Running:
    postgres, nats, issuer = servers
    environment = {
        "GEMBA_DATABASE_URL": postgres.migrated("orchestrator"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_PUBLIC_URL": "https://factory.example",
        "GEMBA_DATA_DIR": str(folder / "data"),
        "GEMBA_SERVICE_SECRET": "test",
        **PROMPT,
        **(settings or {}),
    }
    running = Running([], issuer, environment)
    starts = []
    for number in range(replicas):
        port = free_port()
        starting = starting_service(
            "orchestrator",
            environment={**environment, "GEMBA_ORCHESTRATOR_PORT": str(port)},
            port=port,
            log=folder / f"orchestrator-{number}.log",
        )
        starts.append(stack.enter_context(starting))
        running.urls.append(f"http://127.0.0.1:{port}")
    running.processes += [ready() for ready in starts]
    return running


@pytest.fixture(scope="package")
def shared(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Running]:
    """One orchestrator for all tests that leave no machine online behind."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("orchestrator")
        yield _launch(stack, folder, servers=(postgres, nats, issuer))


@pytest.fixture(scope="package")
def forgetful(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Running]:
    """An orchestrator that takes leases back soon."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("forgetful")
        yield _launch(stack, folder, servers=(postgres, nats, issuer), settings=FORGETFUL)


@pytest.fixture
def launch(tmp_path: Path, postgres: Postgres, nats: Nats, issuer: Issuer) -> Iterator[Make]:
    """Starts orchestrators with a database of their own."""
    with ExitStack() as stack:

        def make(*, replicas: int = 1, **settings: str) -> Running:
            servers = (postgres, nats, issuer)
            return _launch(stack, tmp_path, servers=servers, settings=settings, replicas=replicas)

        yield make


@pytest.fixture
async def admin(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with shared.client("admin") as client:
        yield client


@pytest.fixture
async def keyed(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A machine's key, as a vision node has it."""
    async with shared.client("machine", subject=f"key:{secrets.token_hex(4)}") as client:
        yield client


@pytest.fixture
async def node(admin: httpx.AsyncClient, keyed: httpx.AsyncClient) -> AsyncIterator[Node]:
    """The only machine that is online, with one slot."""
    node = await Node(keyed, f"MV-{secrets.token_hex(4)}").start()
    yield node
    await retire(node, admin)


@dataclass
class Floor:
    """Somebody who may do everything, and machines by name, at one orchestrator."""

    admin: httpx.AsyncClient
    keyed: httpx.AsyncClient
    nodes: list[Node] = field(default_factory=list)

    async def node(self, **options: Any) -> Node:
        """Bring another node online."""
        node = Node(self.keyed, f"MV-{secrets.token_hex(4)}", **options)
        self.nodes.append(node)
        return await node.start()


@asynccontextmanager
async def floor_of(running: Running) -> AsyncIterator[Floor]:
    """A floor that is left empty."""
    async with (
        running.client("admin") as admin,
        running.client("machine", subject=f"key:{secrets.token_hex(4)}") as keyed,
    ):
        floor = Floor(admin, keyed)
        try:
            yield floor
        finally:
            for node in floor.nodes:
                await retire(node, admin)


@pytest.fixture
async def forgetful_floor(forgetful: Running) -> AsyncIterator[Floor]:
    """A floor on which leases are lost soon."""
    async with floor_of(forgetful) as floor:
        yield floor


async def retire(node: Node, admin: httpx.AsyncClient) -> None:
    """Take a node out of the way of the next test."""
    await node.stop()
    await set_status(node, "offline")
    response = await admin.get("/api/v1/inspections/", params={"page_size": "100"})
    for one in response.json()["results"]:
        if one["status"] in ("pending", "assigned", "processing"):
            await admin.post(f"/api/v1/inspections/{one['id']}/cancel/")


async def set_status(node: Node, status: str, current: int = 0) -> None:
    """Send a status update."""
    body = {
        "machine_id": node.id,
        "status": status,
        "current_inspections": current,
        "timestamp": "2025-08-13T20:10:00Z",
    }
    response = await node.client.post("/api/v1/webhooks/status/", json=body)
    assert response.status_code == 200, response.text


async def inspect(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Make an inspection; the record."""
    body = {
        "name": "Inspeção de Qualidade A",
        "inspection_type": "blob_detection",
        "pipeline_config": PIPELINE,
        **fields,
    }
    response = await client.post("/api/v1/inspections/", json=body)
    assert response.status_code == 201, response.text
    record: dict[str, Any] = response.json()
    return record


async def record_of(client: httpx.AsyncClient, inspection_id: str) -> dict[str, Any]:
    """The whole record as it is now."""
    response = await client.get(f"/api/v1/inspections/{inspection_id}/")
    assert response.status_code == 200, response.text
    record: dict[str, Any] = response.json()
    return record


async def reaches(client: httpx.AsyncClient, inspection_id: str, *states: str) -> dict[str, Any]:
    """The record as soon as the inspection is in one of these states."""

    async def ask() -> dict[str, Any] | None:
        record = await record_of(client, inspection_id)
        return record if record["status"] in states else None

    record: dict[str, Any] = await eventually(ask)
    return record
