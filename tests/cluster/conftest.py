"""A cluster service of its own, with real PostgreSQL and NATS, and how to call it."""

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.bus import Bus
from common.membership import Membership
from common.settings import ServiceSettings
from tests.infrastructure import Issuer, Nats, Postgres, free_port, starting_service


@dataclass
class Running:
    """One cluster service and how to call it."""

    url: str
    issuer: Issuer
    nats: Nats
    log: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    database_url: str = field(repr=False, default="")

    def client(self, role: str, **claims: Any) -> httpx.AsyncClient:
        """A client that calls as this role."""
        return self.issuer.client(self.url, role, **claims)

    def settings(self, **more: Any) -> ServiceSettings:
        """Settings of another process of the same mesh."""
        return ServiceSettings(
            nats_url=self.nats.url, gateway_url=self.issuer.url, data_dir=Path("/tmp"), **more
        )

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        """The mesh's bus."""
        bus = Bus(self.settings(), name="test")
        async with bus.running():
            await bus.wait_connected(10)
            yield bus

    @asynccontextmanager
    async def member(self, service: str, **checks: str) -> AsyncIterator[Membership]:
        """Another process of the mesh, on a host of its own, by the library that all use."""
        settings = self.settings(node_name=f"host-of-{service}")
        bus = Bus(settings, name=service)

        def answering(text: str) -> Callable[[], Awaitable[str]]:
            async def answer() -> str:
                return text

            return answer

        membership = Membership(
            settings,
            bus,
            service=service,
            checks={name: answering(text) for name, text in checks.items()},
        )
        async with bus.running(), membership.running():
            await bus.wait_connected(10)
            yield membership


Make = Callable[..., Running]
Member = Callable[..., AbstractAsyncContextManager[Membership]]


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


def start(
    stack: ExitStack, folder: Path, *, servers: tuple[Postgres, Nats, Issuer], **settings: str
) -> Running:
    """A service with a database of its own."""
    postgres, nats, issuer = servers
    port = free_port()
    database_url = settings.pop("database_url", "") or postgres.migrated("cluster")
    environment = {
        "GEMBA_DATABASE_URL": database_url,
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_ORCHESTRATOR_URL": "http://127.0.0.1:9",
        "GEMBA_PUBLIC_URL": "https://factory.example",
        "GEMBA_DATA_DIR": str(folder),
        "GEMBA_SERVICE_SECRET": "test",
        "GEMBA_CLUSTER_PORT": str(port),
        "GEMBA_SETTLE_S": "1",
        "PYTHONPATH": str(Path(__file__).parents[1] / "blocking"),
        **settings,
    }
    log = folder / f"cluster-{port}.log"
    process = stack.enter_context(
        starting_service("cluster", environment=environment, port=port, log=log)
    )()
    return Running(
        f"http://127.0.0.1:{port}", issuer, nats, log, environment, process, database_url
    )


@pytest.fixture(scope="package")
def shared(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, nats: Nats, issuer: Issuer
) -> Iterator[Running]:
    """One service for all tests that need no settings of their own."""
    with ExitStack() as stack:
        yield start(stack, tmp_path_factory.mktemp("cluster"), servers=(postgres, nats, issuer))


@pytest.fixture
def launch(
    tmp_path: Path, postgres: Postgres, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """Starts services with settings, a database and a bus of their own."""
    server = Nats(tmp_path_factory.mktemp("nats"))
    server.start()
    with ExitStack() as stack:
        stack.callback(server.close)

        def make(**settings: str) -> Running:
            return start(stack, tmp_path, servers=(postgres, server, issuer), **settings)

        yield make


@pytest.fixture
async def admin(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with shared.client("admin") as client:
        yield client


@pytest.fixture
async def viewer(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may read."""
    async with shared.client("viewer") as client:
        yield client
