"""The demo floor: brought by the runner when asked, the same after a restart, removed whole."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.callers import calling

from gemba_local.mesh import LocalMesh

ROOT = Path(__file__).parents[2]
WANTED = {"printers": 6, "devices": 20, "streams": 2, "zones": 4, "workers": 5}


@pytest.fixture(scope="module")
def demo_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    """A mesh as `make run` starts it."""
    settings = {"GEMBA_DEMO": "1"}
    with LocalMesh(tmp_path_factory.mktemp("demo-mesh") / "data", settings=settings) as mesh:
        yield mesh


@pytest.fixture(scope="module")
async def user(demo_mesh: LocalMesh) -> AsyncIterator[httpx.AsyncClient]:
    """The first user."""
    async with calling(demo_mesh.url) as client:
        body = {"username": "admin", "password": demo_mesh.admin_password}
        answer = await client.post("/api/v1/auth/login", json=body)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


async def census(user: httpx.AsyncClient) -> dict[str, int]:
    """What of the demo floor is there."""

    async def get(path: str) -> Any:
        return (await user.get(path)).json()

    streams = (await get("/api/v1/inspections/?status=processing&page_size=100"))["results"]
    return {
        "printers": (await get("/api/printers"))["count"],
        "devices": (await get("/api/devices/"))["count"],
        "streams": sum("demo floor" in one["description"] for one in streams),
        "zones": (await get("/api/v1/zones?active=true"))["total"],
        "workers": (await get("/api/v1/workers?active=true"))["total"],
    }


async def until(user: httpx.AsyncClient, wanted: dict[str, int]) -> None:
    """Wait until the demo floor is as wanted."""
    found: dict[str, int] = {}
    try:
        async with asyncio.timeout(90):
            while (found := await census(user)) != wanted:
                await asyncio.sleep(0.5)
    except TimeoutError:
        pytest.fail(f"wanted {wanted}, found {found}")


async def test_the_demo_floor_comes_stays_one_and_goes(
    demo_mesh: LocalMesh, user: httpx.AsyncClient
) -> None:
    await until(user, WANTED)
    old = demo_mesh.kill("demo")
    await asyncio.to_thread(demo_mesh.wait_restarted, "demo", old)
    await asyncio.sleep(3)
    await until(user, WANTED)
    environment = {name: text for name, text in os.environ.items() if name[:6] != "GEMBA_"}
    environment |= {"GEMBA_DATA_DIR": str(demo_mesh.data_dir), "PYTHONPATH": str(ROOT)}
    cleaned = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "demo.floor", "--clean"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert cleaned.returncode == 0, cleaned.stderr
    await until(user, dict.fromkeys(WANTED, 0))
    await asyncio.sleep(6)
    assert await census(user) == dict.fromkeys(WANTED, 0)
    keys = (await user.get("/api/v1/auth/api-keys")).json()["api_keys"]
    assert [one["name"] for one in keys if one["name"] == "Demo floor"] == []
