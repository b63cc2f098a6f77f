"""Devices to test with, each of its own."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

MakeDevice = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def make_device(admin: httpx.AsyncClient) -> MakeDevice:
    """Registers a device and gives it as the registry answers."""

    async def make(name: str = "Sensor Temperatura 01", **fields: Any) -> dict[str, Any]:
        response = await admin.post("/api/devices/", json={"name": name, **fields})
        assert response.status_code == 201, response.text
        device: dict[str, Any] = response.json()
        return device

    return make


@pytest.fixture
async def device(make_device: MakeDevice) -> dict[str, Any]:
    """A new device without readings."""
    return await make_device()


@pytest.fixture
async def token(admin: httpx.AsyncClient, device: dict[str, Any]) -> str:
    """The token of `device`."""
    response = await admin.post(f"/api/devices/{device['id']}/token/")
    assert response.status_code == 201, response.text
    return str(response.json()["token"])
