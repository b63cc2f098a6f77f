"""The registry, body by body and text by text (contract, `devices`)."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

MakeDevice = Callable[..., Awaitable[dict[str, Any]]]
FIELDS = ["id", "public_id", "name", "status", "description", "created_at", "updated_at"]


async def test_new_device_has_every_documented_field(make_device: MakeDevice) -> None:
    device = await make_device("  Sensor Temperatura 01 ", description="Sensor de temperatura")
    assert list(device)[:7] == FIELDS
    assert device["name"] == "Sensor Temperatura 01"
    assert device["status"] == "active"
    assert device["description"] == "Sensor de temperatura"
    assert UUID(device["public_id"]).version == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", device["created_at"])
    assert device["connectivity"] == "never"
    assert device["last_seen_at"] is None


@pytest.mark.parametrize("slash", ["", "/"])
async def test_detail_is_what_was_registered(
    admin: httpx.AsyncClient, device: dict[str, Any], slash: str
) -> None:
    response = await admin.get(f"/api/devices/{device['id']}{slash}")
    assert response.status_code == 200
    assert response.json() == device


@pytest.mark.parametrize("path", ["999999999", "0", "-1", "abc", "99999999999999999999"])
async def test_unknown_device_is_not_found(admin: httpx.AsyncClient, path: str) -> None:
    for suffix in ("", "/aggregated-data/", "/latest/", "/measurements/", "/measurements.csv"):
        response = await admin.get(f"/api/devices/{path}{suffix}")
        assert response.status_code == 404
        assert response.json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"name": "ab", "status": "broken"},
            {
                "name": ["Device name must be at least 3 characters long."],
                "status": ["Status must be one of: active, inactive, maintenance, error"],
            },
        ),
        ({}, {"name": ["This field is required."]}),
        ({"name": "   "}, {"name": ["This field may not be blank."]}),
        ({"name": " ab "}, {"name": ["Device name must be at least 3 characters long."]}),
        ({"name": None}, {"name": ["This field may not be null."]}),
        ({"name": ["x"]}, {"name": ["Not a valid string."]}),
        (
            {"name": "x" * 256},
            {"name": ["Ensure this field has no more than 255 characters."]},
        ),
        (
            [1],
            {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]},
        ),
    ],
)
async def test_wrong_fields_are_named_with_their_texts(
    admin: httpx.AsyncClient, body: Any, expected: dict[str, list[str]]
) -> None:
    response = await admin.post("/api/devices/", json=body)
    assert response.status_code == 400
    assert response.json() == expected


async def test_body_that_is_no_json_is_refused(admin: httpx.AsyncClient) -> None:
    response = await admin.post(
        "/api/devices/", content=b'{"name": NaN}', headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")


async def test_read_only_fields_are_ignored(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    body = {"id": 7, "public_id": "x", "created_at": 1, "name": "Renamed", "status": "maintenance"}
    response = await admin.put(f"/api/devices/{device['id']}/", json=body)
    assert response.status_code == 200
    changed = response.json()
    assert changed["updated_at"] > device["updated_at"]
    kept = {name: device[name] for name in FIELDS if name not in ("name", "status", "updated_at")}
    assert kept.items() <= changed.items()
    assert (changed["name"], changed["status"]) == ("Renamed", "maintenance")


async def test_patch_changes_only_what_it_names(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    response = await admin.patch(f"/api/devices/{device['id']}", json={"status": "error"})
    assert response.json()["status"] == "error"
    assert response.json()["name"] == device["name"]
    refused = await admin.patch(f"/api/devices/{device['id']}", json={"name": "x"})
    assert refused.json() == {"name": ["Device name must be at least 3 characters long."]}


async def test_removed_device_is_gone(admin: httpx.AsyncClient, device: dict[str, Any]) -> None:
    path = f"/api/devices/{device['id']}/"
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404
    assert (await admin.delete(path)).json() == {"detail": "Not found."}
    reading = {"metric": "temperature", "value": 1}
    assert (await admin.post(f"{path}measurements/", json=reading)).status_code == 404


async def test_list_is_a_page_with_absolute_links(
    admin: httpx.AsyncClient, make_device: MakeDevice
) -> None:
    for number in range(3):
        await make_device(f"Paged pump {number}")
    response = await admin.get("/api/devices/?search=paged pump&page_size=2")
    page = response.json()
    assert page["count"] == 3
    assert page["previous"] is None
    assert [device["name"] for device in page["results"]] == ["Paged pump 0", "Paged pump 1"]
    assert page["next"].startswith("http://")
    assert "/api/devices/?search=paged+pump&page_size=2&page=2" in page["next"]
    second = (await admin.get(page["next"])).json()
    assert [device["name"] for device in second["results"]] == ["Paged pump 2"]
    assert second["next"] is None


@pytest.mark.parametrize("page", ["0", "-1", "abc", "100000", "9999999999999999999999"])
async def test_page_that_is_not_there_is_invalid(admin: httpx.AsyncClient, page: str) -> None:
    response = await admin.get("/api/devices/", params={"page": page})
    assert response.status_code == 404
    assert response.json() == {"detail": "Invalid page."}


async def test_list_filters_by_status(admin: httpx.AsyncClient, make_device: MakeDevice) -> None:
    await make_device("Statusful", status="maintenance")
    found = (await admin.get("/api/devices/?status=maintenance&search=statusful")).json()
    assert found["count"] >= 1
    assert {device["status"] for device in found["results"]} == {"maintenance"}
    refused = await admin.get("/api/devices/?status=sleepy")
    assert refused.status_code == 400
    text = "Status must be one of: active, inactive, maintenance, error"
    assert refused.json() == {"status": [text]}


async def test_search_takes_wildcards_literally(
    admin: httpx.AsyncClient, make_device: MakeDevice
) -> None:
    await make_device("Fill 100% tank")
    found = (await admin.get("/api/devices/", params={"search": "100%"})).json()
    assert {device["name"] for device in found["results"]} == {"Fill 100% tank"}


async def test_caller_without_token_is_told_so(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/api/devices/")
    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}


async def test_viewer_may_read_and_not_change(
    user: Callable[..., Awaitable[httpx.AsyncClient]], device: dict[str, Any]
) -> None:
    viewer = await user("viewer")
    path = f"/api/devices/{device['id']}/"
    assert (await viewer.get(path)).status_code == 200
    told = {"detail": "You do not have permission to perform this action."}
    for refused in (
        await viewer.post("/api/devices/", json={"name": "Sensor"}),
        await viewer.delete(path),
        await viewer.post(f"{path}measurements/", json={"metric": "t", "value": 1}),
        await viewer.post(f"{path}token/"),
    ):
        assert refused.status_code == 403
        assert refused.json() == told


async def test_service_lets_nobody_in_without_a_token(
    mesh: Any, stranger: httpx.AsyncClient
) -> None:
    url = mesh.url_of("devices")
    for path in ("/api/devices", "/api/devices/1", "/internal/verify-token"):
        send = stranger.post if "internal" in path else stranger.get
        assert (await send(f"{url}{path}")).status_code == 401
