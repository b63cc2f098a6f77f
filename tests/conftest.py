"""The real mesh, started once for all tests, and callers of every role."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.sharing_out import SharingOut, longest_first

# Tests send more than a user does, all from one address. What limits do is tested on gateways
# of their own, which keep the contract's figures.
_WIDE = {row: "1000000/minute" for row in ("tracking", "query", "metrics", "orchestrator")}
_WIDE |= {"telemetry": "1000000/minute", "rest": "1000000/minute"}

Caller = Callable[..., Awaitable[httpx.AsyncClient]]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingOut:
    """Give each worker whole packages where that spares services."""
    return SharingOut(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    items.sort(key=longest_first)


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    """All services on free ports with an empty store, as `make run` starts them."""
    settings = {
        "GEMBA_LIMITS": json.dumps(_WIDE),
        # Lets a test come from an address of its own choice.
        "GEMBA_TRUSTED_PROXIES": "127.0.0.1",
        "GEMBA_ALLOWED_ORIGINS": "https://wall.example",
        # Printers' hosts and cameras are on this machine in tests.
        "GEMBA_PRINTER_NETWORKS": "127.0.0.0/8",
        # Videos that stand for cameras.
        "GEMBA_IMAGE_FOLDERS": str(Path(__file__).parents[1] / "demo" / "videos"),
        # A blocking call in a service's event loop fails there, and its test here.
        "PYTHONPATH": str(Path(__file__).parent / "blocking"),
    }
    with LocalMesh(tmp_path_factory.mktemp("mesh") / "data", settings=settings) as mesh:
        yield mesh


def an_address() -> str:
    """An address that no other test comes from."""
    return ".".join(str(byte) for byte in (10, *secrets.token_bytes(3)))


@pytest.fixture(scope="session")
async def stranger(mesh: LocalMesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any credential."""
    async with calling(mesh.url) as client:
        yield client


async def log_in(client: httpx.AsyncClient, username: str, password: str) -> dict[str, Any]:
    """The answer of the JSON door."""
    response = await client.post(
        "/api/v1/auth/login",
        json={"username": username, "password": password},
        headers={"X-Forwarded-For": an_address()},
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture(scope="session")
async def admin(mesh: LocalMesh, stranger: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The first user."""
    token = (await log_in(stranger, "admin", mesh.admin_password))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with calling(mesh.url, headers=headers) as client:
        yield client


@pytest.fixture
async def user(
    mesh: LocalMesh, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> AsyncIterator[Caller]:
    """Makes a new user of a role and gives a client that is logged in as them."""
    made: list[httpx.AsyncClient] = []

    async def make(role: str) -> httpx.AsyncClient:
        username, password = f"{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(9)
        body = {"username": username, "password": password, "name": "สมชาย ใจดี", "role": role}
        response = await admin.post("/api/v1/users", json=body)
        assert response.status_code == 201, response.text
        token = (await log_in(stranger, username, password))["access_token"]
        client = calling(
            mesh.url,
            timeout=30,
            headers={
                "Authorization": f"Bearer {token}",
                "X-Test-User": username,
                "X-Test-Password": password,
            },
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def key(mesh: LocalMesh, admin: httpx.AsyncClient) -> AsyncIterator[Caller]:
    """Makes an API key with these permissions and gives a client that uses it."""
    made: list[httpx.AsyncClient] = []

    async def make(*permissions: str) -> httpx.AsyncClient:
        body = {"name": "a test's key", "permissions": list(permissions)}
        response = await admin.post("/api/v1/auth/api-keys", json=body)
        assert response.status_code == 201, response.text
        headers = {"X-API-Key": response.json()["api_key"]}
        client = calling(mesh.url, headers=headers)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()
