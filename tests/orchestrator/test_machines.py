"""Machines as the contract documents them: fields, codes, rights."""

import secrets
from typing import Any

import httpx
import pytest

from tests.callers import calling
from tests.orchestrator.conftest import Running, inspect, set_status
from tests.orchestrator.node import Node

DOCUMENTED = {
    "id",
    "name",
    "location",
    "ip_address",
    "port",
    "status",
    "last_heartbeat",
    "max_concurrent_inspections",
    "current_inspections",
    "supported_inspection_types",
    "hardware_specs",
    "is_available",
}


def a_machine(**fields: Any) -> dict[str, Any]:
    """The documented example, under a name of its own."""
    return {
        "name": f"MV-{secrets.token_hex(4)}",
        "location": "Linha de Produção B",
        "ip_address": "192.168.1.101",
        "port": 5000,
        "max_concurrent_inspections": 3,
        "supported_inspection_types": ["blob_detection", "color_filter"],
        "hardware_specs": {"gpu": "RTX 3070", "cpu": "Intel i5-10600K", "memory": "16GB"},
        **fields,
    }


async def test_a_machine_is_made_read_changed_and_removed(admin: httpx.AsyncClient) -> None:
    body = a_machine()
    made = await admin.post("/api/v1/machines/", json=body)
    assert made.status_code == 201
    machine = made.json()
    assert machine.keys() >= DOCUMENTED
    assert machine["id"].startswith("mv_")
    assert len(machine["id"]) == 15
    assert {name: machine[name] for name in body} == body
    assert machine["status"] == "offline"
    assert machine["is_available"] is False
    path = f"/api/v1/machines/{machine['id']}/"
    assert (await admin.get(path)).json() == machine
    assert (await admin.get(path.rstrip("/"))).json() == machine

    changed = await admin.patch(path, json={"location": "Linha C"})
    assert changed.status_code == 200
    assert changed.json()["location"] == "Linha C"
    assert changed.json()["port"] == 5000
    replaced = await admin.put(path, json=a_machine(name=machine["name"], port=5001))
    assert replaced.json()["port"] == 5001
    assert replaced.json()["location"] == "Linha de Produção B"

    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404


async def test_machines_are_listed_in_pages_with_links_of_the_public_host(
    admin: httpx.AsyncClient,
) -> None:
    mark = secrets.token_hex(4)
    for number in range(3):
        await admin.post("/api/v1/machines/", json=a_machine(name=f"{mark}-{number}"))
    first = await admin.get("/api/v1/machines/", params={"name": mark, "page_size": "2"})
    assert first.json()["count"] == 3
    assert first.json()["previous"] is None
    link = first.json()["next"]
    assert link == f"https://factory.example/api/v1/machines/?name={mark}&page_size=2&page=2"
    second = await admin.get(link.removeprefix("https://factory.example"))
    assert [one["name"] for one in second.json()["results"]] == [f"{mark}-2"]
    assert second.json()["next"] is None
    assert second.json()["previous"].endswith("page=1")
    for page in ("0", "3", "x", "-1"):
        answer = await admin.get(
            "/api/v1/machines/", params={"name": mark, "page": page, "page_size": "2"}
        )
        assert answer.status_code == 404
    capped = await admin.get("/api/v1/machines/", params={"page_size": "100000"})
    assert capped.status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("ip_address", "not an address"),
        ("ip_address", "http://127.0.0.1/x"),
        ("ip_address", "169.254.169.254"),
        ("ip_address", "1.2.3"),
        ("port", 0),
        ("port", 70000),
        ("port", "x"),
        ("max_concurrent_inspections", 0),
        ("supported_inspection_types", "blob"),
        ("hardware_specs", []),
    ],
)
async def test_a_wrong_field_of_a_machine_is_named(
    admin: httpx.AsyncClient, field: str, value: object
) -> None:
    answer = await admin.post("/api/v1/machines/", json=a_machine(**{field: value}))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert any(name.startswith(field) for name in answer.json()["error"]["details"]["fields"])


async def test_a_name_belongs_to_one_machine(admin: httpx.AsyncClient) -> None:
    one = (await admin.post("/api/v1/machines/", json=a_machine())).json()
    two = (await admin.post("/api/v1/machines/", json=a_machine())).json()
    again = await admin.post("/api/v1/machines/", json=a_machine(name=one["name"]))
    assert again.status_code == 409
    renamed = await admin.patch(f"/api/v1/machines/{two['id']}/", json={"name": one["name"]})
    assert renamed.status_code == 409
    assert renamed.json()["error"]["code"] == "RESOURCE_ALREADY_EXISTS"


async def test_a_node_that_restarts_is_the_same_machine(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    before = node.id
    node.registration["max_concurrent_inspections"] = 4
    response = await node.client.post("/api/v1/machines/", json=node.registration)
    assert response.status_code == 200
    assert response.json()["id"] == before
    assert response.json()["max_concurrent_inspections"] == 4
    async with shared.client("machine", subject="key:another") as other:
        taken = await other.post("/api/v1/machines/", json=node.registration)
    assert taken.status_code == 409


async def test_a_machine_is_offline_until_its_first_heartbeat(
    node: Node, admin: httpx.AsyncClient, keyed: httpx.AsyncClient
) -> None:
    fresh = (await keyed.post("/api/v1/machines/", json=a_machine())).json()
    assert fresh["status"] == "offline"
    beat = {
        "machine_id": fresh["id"],
        "status": "online",
        "system_info": {
            "cpu_usage": 45.2,
            "memory_usage": 67.8,
            "gpu_usage": 23.1,
            "temperature": 42.5,
        },
        "performance_metrics": {
            "inspections_per_hour": 12,
            "average_processing_time": 2.3,
            "success_rate": 98.5,
        },
        "timestamp": "2025-08-13T20:10:00Z",
    }
    assert (await keyed.post("/api/v1/webhooks/heartbeat/", json=beat)).status_code == 200
    state = (await admin.get(f"/api/v1/machines/{fresh['id']}/status/")).json()
    assert state["status"] == "online"
    assert state["last_heartbeat"].endswith("Z")
    assert state["system_info"] == beat["system_info"]
    assert state["performance_metrics"] == beat["performance_metrics"]
    status = {
        "machine_id": fresh["id"],
        "status": "busy",
        "current_inspections": 2,
        "timestamp": "2025-08-13T20:10:00Z",
    }
    assert (await keyed.post("/api/v1/webhooks/status/", json=status)).status_code == 200
    machine = (await admin.get(f"/api/v1/machines/{fresh['id']}/")).json()
    assert machine["status"] == "busy"
    assert machine["current_inspections"] == 2
    assert machine["is_available"] is True
    await keyed.post("/api/v1/webhooks/status/", json={**status, "status": "offline"})


async def test_a_busy_machine_is_not_removed(node: Node, admin: httpx.AsyncClient) -> None:
    await inspect(admin)
    assignment = await node.next()
    removed = await admin.delete(f"/api/v1/machines/{node.id}/")
    assert removed.status_code == 409
    await node.complete(assignment)
    waiting = await inspect(admin, target_machine_id=node.id, auto_distribute=False)
    assert (await admin.delete(f"/api/v1/machines/{node.id}/")).status_code == 204
    orphan = (await admin.get(f"/api/v1/inspections/{waiting['id']}/")).json()
    assert orphan["status"] == "failed"
    assert "removed" in orphan["error_message"]
    await node.register()


async def test_maintenance_keeps_work_away_until_it_ends(
    node: Node, admin: httpx.AsyncClient
) -> None:
    path = f"/api/v1/machines/{node.id}/"
    assert (await admin.patch(path, json={"status": "maintenance"})).json()["status"] == (
        "maintenance"
    )
    await node.beat()
    assert (await admin.get(path)).json()["status"] == "maintenance"
    await inspect(admin)
    with pytest.raises(TimeoutError):
        await node.next(1.0)
    await admin.patch(path, json={"status": "online"})
    await node.complete(await node.next())


@pytest.mark.parametrize(
    ("role", "method", "path", "expected"),
    [
        ("viewer", "GET", "/api/v1/machines/", 200),
        ("viewer", "POST", "/api/v1/machines/", 403),
        ("viewer", "POST", "/api/v1/inspections/", 403),
        ("viewer", "GET", "/api/v1/dashboard/", 200),
        ("viewer", "POST", "/api/v1/webhooks/heartbeat/", 403),
        ("supervisor", "DELETE", "/api/v1/machines/mv_000000000000/", 403),
        ("supervisor", "DELETE", "/api/v1/inspections/ins_000000000000/", 403),
        ("admin", "DELETE", "/api/v1/machines/mv_000000000000/", 404),
        ("machine", "GET", "/api/v1/machines/", 200),
        ("machine", "GET", "/api/v1/inspections/", 403),
        ("machine", "POST", "/api/v1/inspections/", 403),
        ("machine", "PATCH", "/api/v1/machines/mv_000000000000/", 403),
        ("machine", "GET", "/api/v1/webhooks/images/img_0/", 404),
        ("viewer", "POST", "/api/v1/orchestrator/distribute/", 403),
        ("viewer", "POST", "/api/v1/pipelines/validate/", 400),
    ],
)
async def test_rights_follow_the_role(
    shared: Running, role: str, method: str, path: str, expected: int
) -> None:
    async with shared.client(role) as client:
        answer = await client.request(method, path, json={} if method != "GET" else None)
    assert answer.status_code == expected, answer.text
    if expected != 200:
        assert answer.json()["error"]["code"]


async def test_nobody_speaks_for_a_machine_of_somebody_else(shared: Running, node: Node) -> None:
    beat = {"machine_id": node.id, "status": "online", "timestamp": "2025-08-13T20:10:00Z"}
    async with shared.client("machine", subject="key:stranger") as stranger:
        assert (await stranger.post("/api/v1/webhooks/heartbeat/", json=beat)).status_code == 403
    async with shared.client("admin") as admin:
        assert (await admin.post("/api/v1/webhooks/heartbeat/", json=beat)).status_code == 200
    unknown = {**beat, "machine_id": "mv_000000000000"}
    assert (await node.client.post("/api/v1/webhooks/heartbeat/", json=unknown)).status_code == 404


async def test_without_a_valid_token_nothing_is_told(shared: Running) -> None:
    async with calling(shared.urls[0]) as stranger:
        assert (await stranger.get("/api/v1/machines/")).status_code == 401
        forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
        assert (await stranger.get("/api/v1/machines/", headers=forged)).status_code == 401


async def test_a_broken_catalogue_is_refused(keyed: httpx.AsyncClient) -> None:
    tool = {
        "name": "odd",
        "description": "",
        "category": "x",
        "parameters": {"type": "no such type"},
        "inputs": [],
        "outputs": [],
        "example": {},
    }
    answer = await keyed.post("/api/v1/machines/", json=a_machine(tools=[tool]))
    assert answer.status_code == 400
    assert "tools.0.parameters" in answer.json()["error"]["details"]["fields"]
    twice = await keyed.post(
        "/api/v1/machines/",
        json=a_machine(tools=[{**tool, "parameters": {}}, {**tool, "parameters": {}}]),
    )
    assert twice.status_code == 400


async def test_a_machine_that_says_goodbye_gives_its_work_back(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    await node.next()
    await set_status(node, "offline")
    record = (await admin.get(f"/api/v1/inspections/{made['id']}/")).json()
    assert record["status"] == "pending"
    assert record["attempts"][0]["outcome"] == "given_back"


async def test_numbers_of_any_size_come_through_a_heartbeat(
    node: Node, admin: httpx.AsyncClient
) -> None:
    sent = {"performance_metrics": {"pixels": 10**300, "least": 5e-324}}
    await node.beat(**sent)
    state = (await admin.get(f"/api/v1/machines/{node.id}/status/")).json()
    assert state["performance_metrics"]["pixels"] == 1e300
    assert state["performance_metrics"]["least"] == 5e-324
    body = {
        "machine_id": node.id,
        "status": "online",
        "current_inspections": 2**40,
        "timestamp": "2025-08-13T20:10:00Z",
    }
    refused = await admin.post("/api/v1/webhooks/heartbeat/", json=body)
    assert refused.status_code == 400
