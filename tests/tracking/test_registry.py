"""Workers, zones, cameras, schedule and rules: what is kept, and what is refused and why."""

import secrets
from typing import Any

import httpx
import pytest

from tests.tracking.conftest import Floor, Running, made, square


def worker(**fields: Any) -> dict[str, Any]:
    token = secrets.token_hex(4)
    return {"worker_id": f"W{token}", "name": "สมชาย ใจดี", "badge_id": f"BADGE-{token}", **fields}


async def test_a_worker_is_kept_as_documented(admin: httpx.AsyncClient) -> None:
    body = worker(shift="morning", skill_level="expert")
    new = await made(admin, "workers", **body)
    assert new.items() >= body.items()
    assert new["active"] is True
    assert new["created_at"].endswith("Z")
    path = f"/api/v1/workers/{body['worker_id']}"
    change = {"station_assignments": {"preferred": ["Z01"], "certified": ["Z01", "Z77"]}}
    changed = (await admin.put(path, json=change)).json()
    assert changed["station_assignments"] == change["station_assignments"]
    assert changed["skill_level"] == "expert"
    detail = (await admin.get(path)).json()
    assert detail["statistics"]["total_sessions"] == 0
    assert detail["statistics"]["productivity_score"] is None
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).json()["active"] is False


async def test_ids_and_badges_in_use_are_conflicts(admin: httpx.AsyncClient) -> None:
    body = worker()
    await made(admin, "workers", **body)
    again = await admin.post("/api/v1/workers", json=body)
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "RESOURCE_ALREADY_EXISTS"
    other = await made(admin, "workers", **worker())
    path = f"/api/v1/workers/{other['worker_id']}"
    taken = await admin.put(path, json={"badge_id": body["badge_id"]})
    assert taken.status_code == 409
    assert body["badge_id"] in taken.json()["error"]["message"]


async def test_the_badge_of_who_left_is_free(admin: httpx.AsyncClient) -> None:
    body = worker()
    await made(admin, "workers", **body)
    await admin.delete(f"/api/v1/workers/{body['worker_id']}")
    await made(admin, "workers", **worker(badge_id=body["badge_id"]))


async def test_workers_are_listed_by_filters_and_pages(admin: httpx.AsyncClient) -> None:
    shift = secrets.token_hex(4)
    new = [await made(admin, "workers", **worker(shift=shift)) for _ in range(3)]
    ids = sorted(one["worker_id"] for one in new)
    await admin.delete(f"/api/v1/workers/{ids[0]}")
    page = (
        await admin.get("/api/v1/workers", params={"shift": shift, "limit": 2, "offset": 1})
    ).json()
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
    assert [one["worker_id"] for one in page["workers"]] == ids[1:]
    active = (await admin.get(f"/api/v1/workers?shift={shift}&active=true")).json()
    assert active["total"] == 2


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "active=maybe"])
async def test_bad_query_parameters_are_400(admin: httpx.AsyncClient, query: str) -> None:
    answer = await admin.get(f"/api/v1/workers?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"worker_id": "", "name": "x"},
        {"worker_id": "a/b", "name": "x"},
        {"worker_id": "W", "name": " "},
    ],
)
async def test_a_bad_worker_is_422(admin: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await admin.post("/api/v1/workers", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"


async def test_malformed_json_is_422(admin: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in ("{", '{"worker_id": NaN}'):
        answer = await admin.post("/api/v1/workers", content=content, headers=headers)
        assert answer.status_code == 422


async def test_unknown_things_are_404_and_named(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/v1/workers/W999")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("RESOURCE_NOT_FOUND", "Worker W999 not found")
    assert error["details"] == {"worker_id": "W999"}
    for path in ("zones/Z999", "zones/Z999/occupancy", "cameras/C999"):
        assert (await admin.get(f"/api/v1/{path}")).status_code == 404


async def test_a_zone_keeps_the_order_in_which_it_was_drawn(
    admin: httpx.AsyncClient, floor: Floor
) -> None:
    corners = square(10, 10)[::-1]
    path = f"/api/v1/zones/{floor.z1}"
    changed = (await admin.put(path, json={"polygon_coords": corners, "name": "Inspection"})).json()
    assert changed["polygon_coords"] == corners
    assert changed["current_occupancy"] == 0
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).json()["active"] is False
    params = {"camera_id": floor.camera_id, "active": "true"}
    listed = (await admin.get("/api/v1/zones", params=params)).json()
    assert [zone["zone_id"] for zone in listed["zones"]] == [floor.z2]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"polygon_coords": [[0, 0], [10, 10]]}, "3 to 100 corners"),
        ({"polygon_coords": [[0, 0], [100, 100], [100, 0], [0, 100]]}, "cross"),
        ({"polygon_coords": [[0, 0], [641, 0], [0, 100]]}, "outside of the picture"),
        ({"polygon_coords": [[0, 0], [10, 0, 5], [0, 100]]}, "polygon_coords"),
        ({"camera_id": "NONE"}, "no camera"),
        ({"min_workers": 3, "max_workers": 2}, "min_workers"),
        ({"color": "green"}, "color"),
    ],
)
async def test_a_bad_zone_is_422_and_says_which_rule(
    admin: httpx.AsyncClient, floor: Floor, fields: dict[str, Any], rule: str
) -> None:
    body = {
        "zone_id": "ZX",
        "camera_id": floor.camera_id,
        "name": "x",
        "polygon_coords": square(10, 10),
        **fields,
    }
    answer = await admin.post("/api/v1/zones", json=body)
    assert answer.status_code == 422
    assert rule in answer.json()["error"]["message"]


async def test_a_polygon_with_nan_is_422(admin: httpx.AsyncClient, floor: Floor) -> None:
    content = '{"zone_id":"ZN","camera_id":"%s","name":"x","polygon_coords":[[NaN,0],[9,0],[0,9]]}'
    answer = await admin.post(
        "/api/v1/zones",
        content=content % floor.camera_id,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422


async def test_a_cameras_credentials_are_never_shown_nor_logged(
    admin: httpx.AsyncClient, shared: Running
) -> None:
    camera_id = f"CAM{secrets.token_hex(4)}"
    secret = secrets.token_hex(8)
    body = {
        "camera_id": camera_id,
        "name": "Door",
        "rtsp_url": f"rtsp://root:{secret}@10.0.0.9:554/s?channel=1&password={secret}",
        "resolution": "1920x1080",
        "fps": 30,
    }
    new = await made(admin, "cameras", **body)
    assert new["rtsp_url"] == "rtsp://10.0.0.9:554/s?channel=1&password=***"
    assert new["has_credentials"] is True
    assert new["status"] == "inactive"
    path = f"/api/v1/cameras/{camera_id}"
    again = await admin.put(path, json={"rtsp_url": new["rtsp_url"], "name": "Gate"})
    assert again.json()["has_credentials"] is True
    bad = await admin.put(path, json={"rtsp_url": f"ftp://root:{secret}@10.0.0.9/"})
    assert bad.status_code == 422
    listed = await admin.get("/api/v1/cameras", params={"status": "inactive"})
    for answer in (again, bad, listed):
        assert secret not in answer.text
    assert secret not in shared.log.read_text()


@pytest.mark.parametrize(
    "fields",
    [
        {"rtsp_url": "gopher://x"},
        {"rtsp_url": "rtsp://"},
        {"rtsp_url": "rtsp://x:y/"},
        {"resolution": "big"},
        {"resolution": "1x1"},
        {"fps": 0},
    ],
)
async def test_a_bad_camera_is_422(admin: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    body = {"camera_id": "CAMX", "name": "x", "rtsp_url": "rtsp://10.0.0.1/", **fields}
    assert (await admin.post("/api/v1/cameras", json=body)).status_code == 422


async def test_a_smaller_picture_must_still_hold_its_zones(
    admin: httpx.AsyncClient, floor: Floor
) -> None:
    answer = await admin.put(f"/api/v1/cameras/{floor.camera_id}", json={"resolution": "320x240"})
    assert answer.status_code == 422
    assert floor.z1 in answer.json()["error"]["message"]


async def test_the_schedule_is_changed_by_parts(admin: httpx.AsyncClient) -> None:
    before = (await admin.get("/api/v1/schedule")).json()
    assert (before["index_start"], before["index_minutes"], before["total_indices"]) == (
        "08:00",
        57,
        11,
    )
    shifts = [{"name": "night", "start": "22:00", "end": "06:00", "days": [1, 2, 3, 4, 5]}]
    changed = await admin.put("/api/v1/schedule", json={"shifts": shifts})
    assert changed.json() == {**before, "shifts": shifts}
    await admin.put("/api/v1/schedule", json={"shifts": []})


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Mars/Olympus"},
        {"index_start": "25:00"},
        {"index_minutes": 0},
        {"total_indices": 500},
        {"shifts": [{"name": "a", "start": "08:00", "end": "08:00"}]},
        {"shifts": [{"name": "a", "start": "08:00", "end": "09:00", "days": [8]}]},
        {"no_such_field": 1},
    ],
)
async def test_a_bad_schedule_is_422(admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    answer = await admin.put("/api/v1/schedule", json=change)
    assert answer.status_code == 422
    word = {"total_indices": "indices", "shifts": "shift"}.get(
        next(iter(change)), next(iter(change))
    )
    assert word in answer.text


async def test_rules_are_merged(admin: httpx.AsyncClient) -> None:
    before = (await admin.get("/api/v1/alert-rules")).json()
    assert before["rules"]["zone_empty"] == {
        "enabled": True,
        "seconds": 300,
        "severity": "critical",
        "working_time_only": True,
    }
    change = {"rules": {"overcrowded": {"seconds": 31}}}
    changed = (await admin.put("/api/v1/alert-rules", json=change)).json()
    assert changed["rules"]["overcrowded"]["severity"] == "warning"
    assert changed["rules"]["overcrowded"]["seconds"] == 31
    assert changed["rules"]["zone_empty"] == before["rules"]["zone_empty"]
    wrong: list[dict[str, Any]] = [
        {"rules": {"nothing": {}}},
        {"exit_hold_seconds": -1},
        {"rules": {"zone_empty": 5}},
    ]
    for bad in wrong:
        assert (await admin.put("/api/v1/alert-rules", json=bad)).status_code == 422
    await admin.put("/api/v1/alert-rules", json={"rules": {"overcrowded": {"seconds": 30}}})


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("viewer", "GET", "workers", 200),
        ("viewer", "POST", "workers", 403),
        ("supervisor", "DELETE", "workers/W1", 403),
        ("supervisor", "POST", "cameras", 403),
        ("supervisor", "PUT", "schedule", 403),
        ("supervisor", "PUT", "alert-rules", 403),
        ("machine", "GET", "workers", 403),
    ],
)
async def test_rights_are_checked(
    shared: Running, role: str, method: str, path: str, status: int
) -> None:
    async with shared.client(role) as client:
        body: dict[str, Any] | None = None if method == "GET" else {}
        answer = await client.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["error"]["code"] == "AUTH_INSUFFICIENT_PERMISSIONS"


async def test_a_key_for_zones_reads_zones_only(shared: Running) -> None:
    async with shared.client("api_client", permissions=["zones:read"]) as client:
        assert (await client.get("/api/v1/zones")).status_code == 200
        assert (await client.get("/api/v1/workers")).status_code == 403
