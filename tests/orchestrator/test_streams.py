"""The event sockets: present state, resume, pictures, the end, and who is let in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.orchestrator.conftest import Running, inspect, set_status
from tests.orchestrator.node import Node, now
from tests.patience import PATIENCE_S

PICTURE = b"\xff\xd8 a picture \xff\xd9"


@asynccontextmanager
async def watching(
    running: Running, path: str, *, role: str = "viewer"
) -> AsyncIterator[ClientConnection]:
    """A socket of somebody who may read."""
    url = running.urls[0].replace("http", "ws") + path
    headers = {"Authorization": f"Bearer {running.issuer.token(role)}"}
    async with connect(url, additional_headers=headers, max_size=None) as socket:
        yield socket


async def read(socket: ClientConnection, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
    """The next JSON event."""
    text = await asyncio.wait_for(socket.recv(), timeout_s)
    assert isinstance(text, str), "a picture where an event was due"
    event: dict[str, Any] = json.loads(text)
    return event


async def read_to_end(socket: ClientConnection) -> tuple[list[Any], int]:
    """Everything until the socket closes, and the code."""
    received: list[Any] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await socket.recv()
                received.append(json.loads(message) if isinstance(message, str) else message)
    except ConnectionClosed:
        return received, socket.close_code or 0


def states(events: list[Any]) -> list[str]:
    """The states that were told."""
    return [
        one["data"]["status"]
        for one in events
        if isinstance(one, dict) and one["type"] == "inspection_status"
    ]


async def publish(node: Node, inspection_id: str, *numbers: int, **data: Any) -> dict[str, Any]:
    """Send frame results."""
    events = [
        {
            "inspection_id": inspection_id,
            "machine_id": node.id,
            "type": "frame_result",
            "timestamp": now(),
            "data": {"frame": number, **data},
        }
        for number in numbers
    ]
    answer = await node.client.post("/api/v1/webhooks/events/", json=events)
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def test_a_viewer_sees_an_inspection_from_its_state_to_its_end(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin, auto_distribute=False)
    async with watching(shared, f"/ws/inspections/{made['id']}") as socket:
        first = await read(socket)
        assert first["type"] == "inspection_status"
        assert first["inspection_id"] == made["id"]
        assert first["data"]["status"] == "pending"
        assert first["timestamp"].endswith("Z")
        await admin.post("/api/v1/orchestrator/distribute/", json={"inspection_id": made["id"]})
        assignment = await node.next()
        await node.report(assignment, "processing")
        await publish(node, made["id"], 1)
        await node.complete(assignment)
        events, code = await read_to_end(socket)
    assert code == 1000
    assert states(events) == ["assigned", "processing", "completed"]
    assert events[-1]["data"]["results"]["blob_count"] == 5
    assert [one["type"] for one in events].count("frame_result") == 1
    numbers = [first["seq"], *(one["seq"] for one in events)]
    assert numbers == sorted(set(numbers))


async def test_an_ended_inspection_tells_its_end_and_closes(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    await node.complete(await node.next())
    async with watching(shared, f"/ws/inspections/{made['id']}/") as socket:
        events, code = await read_to_end(socket)
    assert states(events) == ["completed"]
    assert code == 1000


async def test_a_viewer_that_was_away_misses_nothing(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    path = f"/ws/inspections/{made['id']}"
    async with watching(shared, path) as socket:
        seen = (await read(socket))["seq"]
    await node.report(assignment, "processing")
    await publish(node, made["id"], *range(50))
    async with watching(shared, f"{path}?after={seen}") as socket:
        events = [await read(socket) for _ in range(51)]
        await publish(node, made["id"], 50)
        events.append(await read(socket))
        await node.complete(assignment)
        rest, code = await read_to_end(socket)
    frames = [one["data"]["frame"] for one in events if one["type"] == "frame_result"]
    assert frames == list(range(51))
    assert states(events + rest)[-2:] == ["processing", "completed"]
    assert code == 1000
    async with watching(shared, f"{path}?after={rest[-1]['seq']}") as socket:
        again, code = await read_to_end(socket)
    assert states(again) in ([], ["completed"])
    assert code == 1000


async def test_after_beyond_what_is_retained_says_resync_first(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    async with watching(shared, f"/ws/inspections/{made['id']}?after=999999999") as socket:
        assert (await read(socket)) == {"type": "resync"}
        assert states([await read(socket)]) == ["assigned"]
        await node.complete(assignment)
        _, code = await read_to_end(socket)
    assert code == 1000


async def test_pictures_follow_their_events(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    uploads = f"/api/v1/webhooks/artifacts/{made['id']}"
    headers = {
        "X-Machine-ID": node.id,
        "X-Lease-Token": assignment.lease.token,
        "Content-Type": "image/jpeg",
    }
    path = f"/ws/inspections/{made['id']}"
    async with (
        watching(shared, f"{path}?overlay=jpeg") as seeing,
        watching(shared, path) as reading,
    ):
        await read(seeing)
        await read(reading)
        receipt = await publish(node, made["id"], 1)
        assert receipt == {
            "accepted": 1,
            "dropped": 0,
            "overlay_wanted": [made["id"]],
            "plain_wanted": [],
        }
        frame = f"{uploads}/frame-2.jpg?transient=true"
        put = await node.client.put(frame, content=PICTURE + b"2", headers=headers)
        assert put.status_code == 204
        await publish(node, made["id"], 2, overlay_artifact="frame-2.jpg")
        await node.client.put(f"{uploads}/overlay.jpg", content=PICTURE, headers=headers)
        await node.complete(assignment)
        seen, code = await read_to_end(seeing)
        plain, _ = await read_to_end(reading)
    assert code == 1000
    assert all(isinstance(one, dict) for one in plain)
    place = seen.index(PICTURE + b"2")
    assert seen[place - 1]["data"]["frame"] == 2
    assert seen[-1] == PICTURE
    assert seen[-2]["data"]["status"] == "completed"
    record = (await admin.get(f"/api/v1/inspections/{made['id']}/")).json()
    assert [one["name"] for one in record["artifacts"]] == ["overlay.jpg"]


async def test_plain_pictures_are_asked_for_and_come_without_drawings(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    headers = {
        "X-Machine-ID": node.id,
        "X-Lease-Token": assignment.lease.token,
        "Content-Type": "image/jpeg",
    }
    async with watching(shared, f"/ws/inspections/{made['id']}?overlay=plain") as seeing:
        await read(seeing)
        receipt = await publish(node, made["id"], 1)
        assert (receipt["overlay_wanted"], receipt["plain_wanted"]) == ([], [made["id"]])
        frame = f"/api/v1/webhooks/artifacts/{made['id']}/plain-2.jpg?transient=true"
        await node.client.put(frame, content=PICTURE + b"2", headers=headers)
        await publish(
            node, made["id"], 2, plain_artifact="plain-2.jpg", overlay_artifact="frame-2.jpg"
        )
        await node.complete(assignment)
        seen, _ = await read_to_end(seeing)
    assert [one for one in seen if isinstance(one, bytes)] == [PICTURE + b"2"]


async def test_a_machine_socket_tells_of_the_machine_and_of_its_inspections(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    async with watching(shared, f"/ws/machines/{node.id}") as socket:
        first = await read(socket)
        assert first["type"] == "machine_status"
        assert first["machine_id"] == node.id
        assert first["data"]["status"] == "online"
        made = await inspect(admin)
        assignment = await node.next()
        await node.complete(assignment)
        await set_status(node, "busy", 1)
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] != "machine_status":
            events.append(await read(socket))
    assert states(events) == ["assigned", "completed"]
    assert {one.get("inspection_id") for one in events[:-1]} == {made["id"]}
    assert events[-1]["data"]["status"] == "busy"


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("/ws/inspections/ins_000000000000", "viewer", 404),
        ("/ws/machines/mv_000000000000", "viewer", 404),
        ("/ws/machines/{machine}", "machine", 403),
        ("/ws/machines/{machine}?after=x", "viewer", 400),
        ("/ws/machines/{machine}?after=-1", "viewer", 400),
        ("/ws/machines/{machine}?overlay=png", "viewer", 400),
    ],
)
async def test_a_refused_handshake_is_an_http_error(
    shared: Running, node: Node, path: str, role: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with watching(shared, path.format(machine=node.id), role=role):
            pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["code"]


async def test_without_a_token_no_socket_opens(shared: Running, node: Node) -> None:
    url = f"{shared.urls[0].replace('http', 'ws')}/ws/machines/{node.id}"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url):
            pass
    assert refused.value.response.status_code == 401


async def test_a_cancelled_inspection_ends_its_stream(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    await node.next()
    async with watching(shared, f"/ws/inspections/{made['id']}") as socket:
        await read(socket)
        await admin.post(f"/api/v1/inspections/{made['id']}/cancel/")
        events, code = await read_to_end(socket)
    assert states(events) == ["cancelled"]
    assert code == 1000


async def test_a_slow_viewer_loses_old_frames_but_no_result(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    async with watching(shared, f"/ws/inspections/{made['id']}") as socket:
        await read(socket)
        socket.transport.pause_reading()
        for start in range(0, 3000, 100):
            await publish(node, made["id"], *range(start, start + 100), filling="x" * 8000)
        await node.report(assignment, "processing")
        await node.complete(assignment)
        await asyncio.sleep(0)
        socket.transport.resume_reading()
        events, code = await read_to_end(socket)
    assert states(events) == ["processing", "completed"]
    assert code == 1000
    frames = [one["data"]["frame"] for one in events if one["type"] == "frame_result"]
    assert frames == sorted(frames)
    assert len(frames) < 3000
    assert frames[-1] == 2999


async def test_events_of_who_does_not_hold_the_lease_are_dropped(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin, auto_distribute=False)
    receipt = await publish(node, made["id"], 1)
    assert receipt == {"accepted": 0, "dropped": 1, "overlay_wanted": [], "plain_wanted": []}
    answer = await node.client.post("/api/v1/webhooks/events/", json={"events": []})
    assert answer.status_code == 400
