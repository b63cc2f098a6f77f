"""Killed at any moment: nothing acknowledged is lost, nothing is counted twice."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infrastructure import (
    Issuer,
    Nats,
    Postgres,
    free_port,
    migrate,
    starting_service,
    stop,
)
from tests.patience import PATIENCE_S, wait_until
from tests.tracking.conftest import IN_Z2, INSIDE, OUTSIDE, QUICK, Floor, new_floor

PLACES: Any = [(30, INSIDE), (6, OUTSIDE), (40, IN_Z2), (6, OUTSIDE), (25, INSIDE), (6, None)]


@pytest.fixture
def lone_postgres() -> Iterator[Postgres]:
    """A server that may be killed."""
    server = Postgres()
    server.start()
    yield server
    server.close()


async def sent(floor: Floor, batch: list[dict[str, Any]]) -> None:
    """Post a batch until it is acknowledged, as a node does."""
    body = {"camera_id": floor.camera_id, "frames": batch}
    async with asyncio.timeout(200):
        while True:
            try:
                answer = await floor.client.post("/api/v1/observations", json=body, timeout=5)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == 202:
                assert answer.json()["late"] == 0
                return
            assert answer.status_code in (500, 502, 503), answer.text
            await asyncio.sleep(0.1)


async def stays_of(floor: Floor) -> list[tuple[Any, ...]]:
    found = (await floor.client.get("/api/v1/sessions?limit=100")).json()["sessions"]
    names = ("entry_time", "exit_time", "state", "total_active_seconds", "unseen_seconds")
    return sorted((one["zone_id"][:2], *(one[name] for name in names)) for one in found)


async def test_kill_9_of_the_service_and_of_postgresql_loses_and_doubles_nothing(
    lone_postgres: Postgres, nats: Nats, issuer: Issuer, tmp_path: Path
) -> None:
    port = free_port()
    environment = {
        "GEMBA_DATABASE_URL": lone_postgres.database("faults"),
        "GEMBA_NATS_URL": nats.url,
        "GEMBA_GATEWAY_URL": issuer.url,
        "GEMBA_SERVICE_SECRET": "test",
        "GEMBA_TRACKING_PORT": str(port),
        **QUICK,
    }
    migrate("tracking", environment=environment)
    url = f"http://127.0.0.1:{port}"
    log = tmp_path / "tracking.log"

    def start(stack: ExitStack) -> Any:
        service = starting_service("tracking", environment=environment, port=port, log=log)
        return stack.enter_context(service)()

    with ExitStack() as stack:
        process = start(stack)
        async with issuer.client(url, "admin") as client:
            calm = await new_floor(client)
            await calm.see(calm.stay(PLACES))
            expected = await stays_of(calm)
            assert len(expected) == 3
            await client.delete(f"/api/v1/zones/{calm.z1}")
            stormy = await new_floor(client)
            frames = stormy.stay(PLACES)
            batches = [frames[first : first + 4] for first in range(0, len(frames), 4)]

            async def send_all() -> None:
                for batch in batches:
                    await sent(stormy, batch)
                    await asyncio.sleep(0.02)

            sending = asyncio.create_task(send_all())
            await asyncio.sleep(0.4)
            process.kill()
            process.wait(PATIENCE_S)
            process = await asyncio.to_thread(start, stack)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(lone_postgres.kill)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(lone_postgres.start)
            await sending
            assert (await stays_of(stormy))[0] is not None
            found = [stay for stay in await stays_of(stormy) if stay not in expected]
            doubled = len(await stays_of(stormy)) - 2 * len(expected)
            assert (found, doubled) == ([], 0)
            again = await asyncio.gather(*(stormy.post(batch) for batch in batches))
            assert sum(one["accepted"] for one in again) == 0
            assert sum(one["duplicates"] for one in again) == len(frames)
        stop(process)
    wait_until(lambda: process.poll() is not None, what="the end of the service")
