"""`/ws/tracking`: five kinds of message, each once, with its place in the stream."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.patience import PATIENCE_S
from tests.tracking.conftest import INSIDE, OUTSIDE, Floor, Make, Running, new_floor


def watching(service: Running, query: str = "", role: str = "viewer", **claims: Any) -> Any:
    url = f"{service.url.replace('http', 'ws')}/ws/tracking{query}"
    token = service.issuer.token(role, **claims)
    return connect(url, additional_headers={"Authorization": f"Bearer {token}"})


async def until(websocket: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
    """The first message of a kind that has these fields."""
    async with asyncio.timeout(PATIENCE_S):
        async for text in websocket:
            message: dict[str, Any] = json.loads(text)
            if message["type"] == kind and message.items() >= fields.items():
                return message
    raise AssertionError(f"no {kind}")


async def test_a_stay_is_told_as_it_happens(shared: Running, floor: Floor) -> None:
    async with watching(shared) as websocket:
        first = json.loads(await websocket.recv())
        assert first["type"] == "metrics_update"
        assert first["metrics"].keys() >= {"current_index", "active_workers", "zones"}
        await floor.post(floor.stay([(10, INSIDE)], track_id=3))
        entry = await until(websocket, "session_update", event="entry")
        assert entry["session"]["zone_id"] == floor.z1
        assert entry["session"]["worker_id"] == "UNKNOWN-3"
        assert entry["session"]["state"] == "active"
        zone = await until(websocket, "zone_update", zone_id=floor.z1)
        assert zone["data"]["workers_count"] == 1
        assert zone["data"]["active_sessions"][0]["duration"] == 10
        await floor.post(floor.stay([(70, INSIDE)], start=10, track_id=3, motion=0.0))
        await until(websocket, "session_update", event="idle_start")
        alert = await until(websocket, "alert")
        assert alert["alert"]["alert_type"] == "idle_threshold"
        assert alert["data"]["state"] == "open"
        await floor.post(floor.stay([(5, OUTSIDE)], start=80, track_id=3))
        end = await until(websocket, "session_update", event="exit")
        assert end["session"]["state"] == "completed"
        assert first["seq"] < entry["seq"] < zone["seq"] < alert["seq"] < end["seq"]


async def test_who_comes_back_gets_what_was_missed(shared: Running, floor: Floor) -> None:
    async with watching(shared) as websocket:
        seq = json.loads(await websocket.recv())["seq"]
    await floor.post(floor.stay([(10, INSIDE), (6, OUTSIDE)]))
    async with watching(shared, f"?after={seq}") as websocket:
        entry = await until(websocket, "session_update", event="entry")
        leave = await until(websocket, "session_update", event="exit")
    assert entry["session"]["session_id"] == leave["session"]["session_id"]
    async with watching(shared, f"?after={leave['seq'] + 10**6}") as websocket:
        assert json.loads(await websocket.recv()) == {"type": "resync"}


async def test_metrics_come_by_the_clock(shared: Running) -> None:
    async with watching(shared) as websocket:
        await websocket.recv()
        one = await until(websocket, "metrics_update")
        other = await until(websocket, "metrics_update")
    assert other["seq"] > one["seq"]


async def test_an_index_is_told_when_it_begins(launch: Make) -> None:
    service = launch()
    async with service.client("admin") as client, watching(service) as websocket:
        await websocket.recv()
        now = datetime.now(UTC)
        change = {"index_start": now.strftime("%H:%M"), "index_minutes": 5, "total_indices": 3}
        await client.put("/api/v1/schedule", json=change)
        told = await until(websocket, "index_transition", new_index=1)
        assert told["data"]["indices_remaining"] == 3
        assert told["data"]["scheduled_start"].startswith(now.strftime("%Y-%m-%dT%H:%M:00"))
        await new_floor(client)


@pytest.mark.parametrize(
    ("query", "claims", "status"),
    [
        ("?after=x", {}, 400),
        ("", {"permissions": ["metrics:read"]}, 403),
        ("", {"lifetime_s": -10}, 401),
    ],
)
async def test_a_bad_handshake_is_refused(
    shared: Running, query: str, claims: dict[str, Any], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with watching(shared, query, **claims):
            pass
    assert refused.value.response.status_code == status
