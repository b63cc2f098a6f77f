"""A real browser before the real mesh with the demo floor."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from gemba_local.mesh import LocalMesh
from tests.dashboard.browser import CHROMIUM, Visit, chromium, visit
from tests.dashboard.demo_floor import demo_floor
from tests.patience import PATIENCE_S

Enter = Callable[..., Awaitable[Visit]]


@pytest.fixture(scope="package")
def floor(mesh: LocalMesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    """The mesh with the demo floor on it."""
    with demo_floor(mesh, log=tmp_path_factory.mktemp("demo") / "demo.log"):
        yield mesh


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; without one they are skipped, but never where CI runs."""
    if not CHROMIUM.exists() and not os.environ.get("GEMBA_TEST_EVERYTHING"):
        pytest.skip(f"{CHROMIUM} is not here: apt-get install chromium")
    # A claim is waited for, not timed: the mesh and the demo floor share the machine with it.
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def enter(
    browser: Browser, floor: LocalMesh, admin: httpx.AsyncClient
) -> AsyncIterator[Enter]:
    """Opens a browser for the admin or a new user of a role; its mistakes fail the test."""
    visits: list[Visit] = []
    async with AsyncExitStack() as stack:

        async def open_for(role: str = "admin", **options: Any) -> Visit:
            user, password = "admin", floor.admin_password
            if role == "nobody":
                user = ""
            elif role != "admin":
                user, password = f"{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(9)
                body = {"username": user, "password": password, "name": user, "role": role}
                assert (await admin.post("/api/v1/users", json=body)).status_code == 201
            entered = visit(browser, floor.url, user=user, password=password, **options)
            visits.append(await stack.enter_async_context(entered))
            return visits[-1]

        yield open_for
        for one in visits:
            assert one.errors == []
            assert one.foreign == []
