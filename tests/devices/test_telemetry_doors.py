"""ThingsBoard's telemetry and SenML by HTTP (contract, chapter 8)."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.devices.test_readings import path

FORMS: list[Any] = [
    {"temperature": 21.5, "on": True},
    [{"temperature": 21.5}, {"on": True}],
    {"ts": 1_762_079_400_000, "values": {"temperature": 21.5, "on": True}},
    [
        {"ts": 1_762_079_400_000, "values": {"temperature": 21.5}},
        {"ts": 1_762_079_401_000, "values": {"on": True}},
    ],
]


@pytest.mark.parametrize("form", FORMS)
async def test_telemetry_takes_each_of_the_four_forms(
    admin: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    device: dict[str, Any],
    token: str,
    form: Any,
) -> None:
    response = await stranger.post(f"/api/v1/{token}/telemetry", json=form)
    assert (response.status_code, response.content) == (200, b"")
    latest = (await admin.get(path(device, "latest/"))).json()
    assert latest["temperature"]["value"] == "21.5000000000"
    assert latest["on"]["value"] == "1.0000000000"


async def test_telemetry_ignores_what_is_no_number(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, device: dict[str, Any], token: str
) -> None:
    body = {"a": "on", "b": {"x": 1}, "c": [1], "d": None, "e": "7.5", "f": 2}
    assert (await stranger.post(f"/api/v1/{token}/telemetry", json=body)).status_code == 200
    assert set((await admin.get(path(device, "latest/"))).json()) == {"e", "f"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"7",
        b'{"t": NaN}',
        b'{"t": 123456789012345678901}',
        b'{"ts": "x", "values": {"t": 1}}',
        b'{"ts": 0, "values": {"t": 1}}',
        b'{"ts": 32503680000000, "values": {"t": 1}}',
        b'{"ts": 99999999999999999999, "values": {"t": 1}}',
        b'{"ts": 1762079400000, "values": 5}',
        b'[{"t": 1}, {"ts": 1762079400000, "values": {"t": 1}}]',
        b'[{"t": 1}, 5]',
        b"[" + b",".join([b'{"t":1}'] * 1001) + b"]",
    ],
)
async def test_bad_telemetry_is_refused_whole(
    admin: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    device: dict[str, Any],
    token: str,
    body: bytes,
) -> None:
    response = await stranger.post(f"/api/v1/{token}/telemetry", content=body)
    assert response.status_code == 400, response.text
    assert set(response.json()["error"]) == {"code", "message", "details", "timestamp"}
    assert (await admin.get(path(device, "latest/"))).json() == {}


async def test_token_in_the_path_stays_out_of_the_logs(
    mesh: LocalMesh, stranger: httpx.AsyncClient, token: str
) -> None:
    await stranger.post(f"/api/v1/{token}/telemetry", json={"t": 1})
    await asyncio.to_thread(mesh.wait_said, "/api/v1/dev_***/telemetry")
    assert token not in mesh.log.read_text()


async def test_wrong_device_token_is_refused(stranger: httpx.AsyncClient) -> None:
    for token in ("dev_wrong", "x", "%F0%9F%98%80"):
        response = await stranger.post(f"/api/v1/{token}/telemetry", json={"t": 1})
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "AUTH_INVALID_TOKEN"


async def test_token_ends_when_it_is_rotated_or_revoked(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, device: dict[str, Any], token: str
) -> None:
    async def send(credential: str) -> int:
        response = await stranger.post(f"/api/v1/{credential}/telemetry", json={"t": 1})
        return response.status_code

    assert await send(token) == 200
    fresh = (await admin.post(path(device, "token/"))).json()["token"]
    assert fresh != token
    assert [await send(token), await send(fresh)] == [401, 200]
    assert (await admin.delete(path(device, "token/"))).status_code == 204
    assert await send(fresh) == 401


async def test_senml_is_resolved_and_stored(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    pack = [
        {"bn": "urn:dev:", "bt": 1762079400, "bu": "Cel", "n": "t", "v": 20.5},
        {"n": "t", "t": 60, "v": 21.5},
        {"n": "door", "vb": True, "u": ""},
        {"n": "label", "vs": "text"},
    ]
    response = await admin.post(
        path(device, "measurements/"),
        content=json.dumps(pack),
        headers={"Content-Type": "application/senml+json"},
    )
    assert response.json() == {"accepted": 3}
    latest = (await admin.get(path(device, "latest/"))).json()
    assert latest["urn:dev:t"] == {
        "value": "21.5000000000",
        "unit": "°C",
        "timestamp": "2025-11-02T10:31:00Z",
    }
