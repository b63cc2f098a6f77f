"""A printers service of its own, with real PostgreSQL and NATS, and how to call it."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.infrastructure import Issuer, Nats, Postgres, free_port, starting_service

# Short enough that nothing has to be waited for long.
QUICK = {
    "GEMBA_PRINTER_NETWORKS": "127.0.0.0/8",
    "GEMBA_PRINTER_SWEEP_S": "0.2",
    "GEMBA_PRINTER_POLL_S": "0.5",
    "GEMBA_PRINTER_REPORT_S": "0.2",
    "GEMBA_PRINTER_MQTT_REPORT_S": "0.2",
    "GEMBA_PRINTER_RETRY_S": "0.3",
    "GEMBA_PRINTER_RETRY_MOST_S": "1",
    "GEMBA_PRINTER_TIMEOUT_S": "3",
    "GEMBA_TIMEZONE": "America/Sao_Paulo",
}


@dataclass
class Running:
    """One printers service and how to call it."""

    url: str
    issuer: Issuer
    nats: Nats
    log: Path

    def client(self, role: str, **claims: Any) -> httpx.AsyncClient:
        """A client that calls as this role."""
        return self.issuer.client(self.url, role, **claims)


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
    stack: ExitStack, folder: Path, *, servers: tuple[Postgres, Nats, Issuer], **settings: str
) -> Running:
    postgres, nats, issuer = servers
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": postgres.migrated("printers"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_PUBLIC_URL": "https://factory.example",
        "GEMBA_DATA_DIR": str(folder / "data"),
        "GEMBA_SERVICE_SECRET": "test",
        "GEMBA_PRINTERS_PORT": str(port),
        **QUICK,
        **settings,
    }
    log = folder / "printers.log"
    stack.enter_context(starting_service("printers", environment=environment, port=port, log=log))()
    return Running(f"http://127.0.0.1:{port}", issuer, nats, log)


@pytest.fixture(scope="package")
def shared(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Running]:
    """One service for all tests that need no settings of their own."""
    with ExitStack() as stack:
        yield _launch(stack, tmp_path_factory.mktemp("printers"), servers=(postgres, nats, issuer))


@pytest.fixture
def launch(tmp_path: Path, postgres: Postgres, nats: Nats, issuer: Issuer) -> Iterator[Make]:
    """Starts services with settings and a database of their own."""
    with ExitStack() as stack:

        def make(**settings: str) -> Running:
            return _launch(stack, tmp_path, servers=(postgres, nats, issuer), **settings)

        yield make


@pytest.fixture
async def admin(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with shared.client("admin") as client:
        yield client


@pytest.fixture
async def admin_of_mesh(mesh: LocalMesh) -> AsyncIterator[httpx.AsyncClient]:
    """The first user, through the gateway."""
    async with calling(mesh.url) as client:
        body = {"username": "admin", "password": mesh.admin_password}
        token = (await client.post("/api/v1/auth/login", json=body)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
async def stranger(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a token, as printers are."""
    async with calling(shared.url) as client:
        yield client


@dataclass
class Owner:
    """A printer with its key: what its client software knows."""

    client: httpx.AsyncClient
    printer_id: str
    api_key: str

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a body with the printer's credentials."""
        body = {"api_key": self.api_key, "printer_id": self.printer_id, **fields}
        return await self.client.post(f"/api/status/{path}", json=body)

    async def start(self, queue_id: int) -> int:
        """The id of the print of a queue item."""
        answer = await self.post("start", print_queue_id=queue_id)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["print_status_id"])

    async def update(self, job_id: int, **fields: Any) -> dict[str, Any]:
        """The state after an update."""
        answer = await self.post("update", print_status_id=job_id, **fields)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()["current_status"]
        return state


async def register(admin: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """A new printer, with its key."""
    body = {"printer_id": f"PRINTER-{secrets.token_hex(4)}", "name": "Ender 3", **fields}
    answer = await admin.post("/api/printers", json=body)
    assert answer.status_code == 201, answer.text
    printer: dict[str, Any] = answer.json()
    return printer


async def enqueue(admin: httpx.AsyncClient, **fields: Any) -> int:
    """The id of a new queue item: the documented dragon."""
    body = {
        "product_id": 789,
        "product_name": "Miniatura de Dragão",
        "model_file": "dragon.stl",
        "order_id": 123,
        **fields,
    }
    answer = await admin.post("/api/print-queue", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.fixture
async def owner(admin: httpx.AsyncClient, stranger: httpx.AsyncClient) -> Owner:
    """A new printer's own client."""
    printer = await register(admin)
    return Owner(stranger, printer["printer_id"], printer["api_key"])
