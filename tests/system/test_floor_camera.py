"""A camera on the floor: a video, a real node, people in a zone, and nobody's password shown."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from tests.patience import eventually

VIDEO = Path(__file__).parents[2] / "demo" / "videos" / "worker-zone-detection.gif"


async def camera(admin: httpx.AsyncClient, camera_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get(f"/api/v1/cameras/{camera_id}")).json()
    return found


@pytest.fixture
async def add(admin: httpx.AsyncClient) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Adds cameras, and takes them out of use after the test."""
    added: list[str] = []

    async def make(address: str) -> str:
        camera_id = f"CAM-{secrets.token_hex(4)}"
        body = {
            "camera_id": camera_id,
            "name": "Hall A",
            "rtsp_url": address,
            "resolution": "480x270",
            "fps": 10,
        }
        answer = await admin.post("/api/v1/cameras", json=body)
        assert answer.status_code == 201, answer.text
        added.append(camera_id)
        return camera_id

    yield make
    for camera_id in added:
        await admin.delete(f"/api/v1/cameras/{camera_id}")


async def test_the_worker_on_the_video_has_one_session_in_his_zone(
    admin: httpx.AsyncClient, add: Callable[..., Awaitable[str]]
) -> None:
    camera_id = await add(str(VIDEO))
    zone_id = f"Z-{camera_id}"
    corners = [[1, 1], [479, 1], [479, 269], [1, 269]]
    body = {"zone_id": zone_id, "camera_id": camera_id, "name": "Floor", "polygon_coords": corners}
    assert (await admin.post("/api/v1/zones", json=body)).status_code == 201

    async def stay() -> Any:
        found = (await admin.get("/api/v1/sessions", params={"zone_id": zone_id})).json()
        # Longer than the video: it has begun again, and the stay goes on.
        return found if any(one["duration_seconds"] > 12 for one in found["sessions"]) else None

    found = await eventually(stay)
    assert found["total"] == 1, found
    (session,) = found["sessions"]
    assert session["total_active_seconds"] > 0
    assert (await camera(admin, camera_id))["status"] == "active"
    health = (await admin.get("/health")).json()["components"]["cameras"]
    assert health[camera_id] == "active"
    picture = await admin.get(f"/api/v1/cameras/{camera_id}/snapshot")
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8\xff")
    inspection_id = (await camera(admin, camera_id))["stream"]["inspection_id"]
    assert (await admin.delete(f"/api/v1/cameras/{camera_id}")).status_code == 204

    async def is_stopped() -> bool:
        record = (await admin.get(f"/api/v1/inspections/{inspection_id}/")).json()
        return bool(record["status"] == "cancelled")

    await eventually(is_stopped)
    assert (await camera(admin, camera_id))["status"] == "inactive"


async def test_a_camera_is_followed_on_when_its_node_was_killed(
    mesh: LocalMesh, admin: httpx.AsyncClient, add: Callable[..., Awaitable[str]]
) -> None:
    camera_id = await add(str(VIDEO))

    async def seen_after(moment: datetime) -> Any:
        last = (await camera(admin, camera_id))["last_seen_at"]
        return last if last and datetime.fromisoformat(last) > moment else None

    await eventually(lambda: seen_after(datetime.min.replace(tzinfo=UTC)))
    old = mesh.kill("vision-node")
    await asyncio.to_thread(mesh.wait_restarted, "vision-node", old)
    back = datetime.now(UTC)
    # The lease of the node that was must end first.
    await eventually(lambda: seen_after(back))

    async def is_running() -> bool:
        return bool((await camera(admin, camera_id))["stream"]["state"] == "running")

    # Tracking asks the orchestrator every two seconds; the first sight may come before that.
    await eventually(is_running)


async def test_a_camera_out_of_reach_is_tried_again_and_its_password_stays_hidden(
    admin: httpx.AsyncClient, add: Callable[..., Awaitable[str]]
) -> None:
    secret = secrets.token_hex(8)
    camera_id = await add(f"rtsp://root:{secret}@10.9.8.7:554/stream1")

    async def failed() -> Any:
        stream = (await camera(admin, camera_id))["stream"]
        return stream if stream and stream["state"] == "failed" else None

    stream = await eventually(failed)
    assert "not among those that this node may reach" in stream["error"]
    assert stream["next_try_at"] is not None
    found = await admin.get("/api/v1/inspections/?page_size=100")
    assert secret not in found.text
    assert (await admin.get(f"/api/v1/cameras/{camera_id}/snapshot")).status_code == 503


async def test_only_machines_learn_where_a_camera_is(
    admin: httpx.AsyncClient,
    add: Callable[..., Awaitable[str]],
    key: Callable[..., Awaitable[httpx.AsyncClient]],
    user: Callable[..., Awaitable[httpx.AsyncClient]],
) -> None:
    camera_id = await add(str(VIDEO))
    machine = await key("machine")
    told = await machine.get(f"/api/v1/cameras/{camera_id}/address")
    assert told.json() == {"address": str(VIDEO)}
    supervisor = await user("supervisor")
    assert (await supervisor.get(f"/api/v1/cameras/{camera_id}/address")).status_code == 403
