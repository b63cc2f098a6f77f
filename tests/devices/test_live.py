"""`/ws/devices`: live readings, resuming, and who may listen."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S


def address(mesh: LocalMesh, query: str = "") -> str:
    return f"{mesh.url.replace('http', 'ws', 1)}/ws/devices{query}"


async def next_of_kind(socket: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == kind:
                return event


async def test_readings_arrive_live_and_resume_by_seq(
    mesh: LocalMesh, admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    headers = {"Authorization": admin.headers["Authorization"]}
    query = f"?device_id={device['id']}"
    url = f"/api/devices/{device['id']}/measurements/"
    async with connect(address(mesh, query), additional_headers=headers) as socket:
        await admin.post(url, json={"metric": "t", "value": 21.5, "unit": "°C"})
        event = await next_of_kind(socket, "device_readings")
    assert set(event) == {"type", "seq", "timestamp", "data"}
    assert event["data"]["device_id"] == device["id"]
    (reading,) = event["data"]["readings"]
    assert (reading["metric"], reading["value"], reading["unit"]) == ("t", "21.5", "°C")
    await admin.post(url, json={"metric": "t", "value": 22})
    await asyncio.sleep(0.5)  # published a moment after the commit, while nobody listens
    resumed = address(mesh, f"{query}&after={event['seq']}")
    async with connect(resumed, additional_headers=headers) as socket:
        missed = await next_of_kind(socket, "device_readings")
        assert missed["seq"] > event["seq"]
        assert missed["data"]["readings"][0]["value"] == "22"
        await admin.post(url, json={"metric": "t", "value": 23})
        assert (await next_of_kind(socket, "device_readings"))["seq"] > missed["seq"]


async def test_seq_that_is_not_retained_asks_for_a_new_start(
    mesh: LocalMesh, admin: httpx.AsyncClient
) -> None:
    headers = {"Authorization": admin.headers["Authorization"]}
    async with connect(address(mesh, "?after=99999999"), additional_headers=headers) as socket:
        assert json.loads(await socket.recv()) == {"type": "resync"}


@pytest.mark.parametrize(("query", "status"), [("?after=x", 400), ("?device_id=x", 400)])
async def test_wrong_query_is_refused_before_any_accept(
    mesh: LocalMesh, admin: httpx.AsyncClient, query: str, status: int
) -> None:
    headers = {"Authorization": admin.headers["Authorization"]}
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(mesh, query), additional_headers=headers)
    assert refused.value.response.status_code == status


async def test_stranger_is_refused_before_any_accept(mesh: LocalMesh) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(mesh))
    assert refused.value.response.status_code == 401
