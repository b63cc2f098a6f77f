"""The mesh watches itself: workers under orders, traces, vanished services, live topics."""

import asyncio
import json
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import Caller
from tests.patience import PATIENCE_S, PROMPTLY_S, eventually
from tests.system.conftest import Inspector, chain
from tests.system.pictures import png


async def the_node(admin: httpx.AsyncClient) -> dict[str, Any]:
    async def ask() -> Any:
        found = (await admin.get("/workers")).json()
        return [one for one in found if one["kind"] == "vision-node" and one["last_seen"]]

    found: list[dict[str, Any]] = await eventually(ask, what="a vision node")
    return found[0]


async def until_done(admin: httpx.AsyncClient, operation_id: str) -> dict[str, Any]:
    async def ask() -> Any:
        body = (await admin.get(f"/operations/{operation_id}")).json()
        return body if body["completed_at"] else None

    body: dict[str, Any] = await eventually(ask, what="the operation's end")
    return body


async def test_a_vision_node_is_listed_as_a_worker(admin: httpx.AsyncClient) -> None:
    node = await the_node(admin)
    assert set(node) >= {
        "id", "name", "kind", "status", "address", "cpu_percent", "memory_percent",
        "current_tasks", "last_seen",
    }  # fmt: skip
    assert node["status"] in ("online", "busy")
    one = await admin.get(f"/api/workers/{node['id']}/")
    assert one.json()["name"] == node["name"]


async def test_a_restart_puts_a_new_process_in_place_and_loses_no_work(
    mesh: LocalMesh, admin: httpx.AsyncClient, inspector: Inspector
) -> None:
    node, old = await the_node(admin), mesh.pid("vision-node")
    image_id = await inspector.upload(png(1200, 900))
    started = [await inspector.start(chain(image_id, ("blob_detection", {}))) for _ in range(4)]
    first = await admin.post(f"/workers/{node['id']}/restart")
    assert first.status_code == 202, first.text
    body = first.json()
    assert body == {
        "worker_id": node["id"],
        "action": "restart",
        "operation_id": body["operation_id"],
        "status": "requested",
    }
    again = await admin.post(f"/api/workers/{node['id']}/restart/")
    assert again.json()["operation_id"] == body["operation_id"]
    other = await admin.post(f"/workers/{node['id']}/stop")
    assert other.status_code == 409
    done = await until_done(admin, body["operation_id"])
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["requested_by"] == "admin"
    assert mesh.pid("vision-node") != old
    await asyncio.to_thread(mesh.wait_said, "was told to restart")
    assert (await the_node(admin))["status"] in ("online", "busy")
    for record in started:
        assert (await inspector.until(record["id"]))["status"] == "completed"


async def test_a_stopped_node_takes_nothing_until_it_is_restarted(
    mesh: LocalMesh, admin: httpx.AsyncClient, inspector: Inspector
) -> None:
    node = await the_node(admin)
    stop = (await admin.post(f"/workers/{node['id']}/stop")).json()
    assert (await until_done(admin, stop["operation_id"]))["status"] == "completed"
    assert (await admin.get(f"/workers/{node['id']}")).json()["status"] == "stopped"
    image_id = await inspector.upload(png(200, 160))
    waiting = await inspector.start(chain(image_id, ("blob_detection", {})))
    old = mesh.kill("vision-node", signal.SIGKILL)
    await asyncio.to_thread(mesh.wait_restarted, "vision-node", old)
    # Its process is there before it listens; an order to one that does not hear fails.
    await eventually(lambda: listens(mesh), what="the node again")
    await asyncio.sleep(3)
    assert (await admin.get(f"/workers/{node['id']}")).json()["status"] == "stopped"
    record = (await admin.get(f"/api/v1/inspections/{waiting['id']}/")).json()
    assert record["status"] == "pending"
    restart = (await admin.post(f"/workers/{node['id']}/restart")).json()
    assert (await until_done(admin, restart["operation_id"]))["status"] == "completed"
    assert (await inspector.until(waiting["id"]))["status"] == "completed"


async def listens(mesh: LocalMesh) -> bool:
    async with calling(mesh.url_of("vision-node")) as node:
        with suppress(httpx.TransportError):
            return (await node.get("/healthz")).status_code == 200
    return False


async def test_orders_are_the_administrators_alone(
    admin: httpx.AsyncClient, user: Caller, key: Caller
) -> None:
    node = await the_node(admin)
    for client in (await user("supervisor"), await user("viewer"), await key("read", "write")):
        for action in ("stop", "restart"):
            answer = await client.post(f"/workers/{node['id']}/{action}")
            assert answer.status_code == 403, answer.text
            assert "detail" in answer.json()


async def test_one_request_is_followed_through_every_service(
    admin: httpx.AsyncClient, inspector: Inspector
) -> None:
    request_id = f"trace-{secrets.token_hex(8)}"
    answer = await admin.get("/api/v1/machines/", headers={"X-Request-ID": request_id})
    assert answer.status_code == 200

    async def ask() -> Any:
        found = await admin.get(f"/logs/traces/{request_id}")
        body = found.json()
        return body if found.status_code == 200 and len(body["components"]) > 1 else None

    trace = await eventually(ask, what="the trace")
    assert set(trace["components"]) >= {"gateway", "orchestrator"}
    stamps = [line["timestamp"] for line in trace["lines"]]
    assert stamps == sorted(stamps)
    listed = (await admin.get("/logs", params={"request_id": request_id})).json()
    assert listed["total"] == len(trace["lines"])


async def test_a_nodes_lines_reach_the_store_too(admin: httpx.AsyncClient) -> None:
    async def ask() -> Any:
        body = (await admin.get("/logs?component=vision-node&q=registered")).json()
        return body["logs"]

    line = (await eventually(ask, what="the node's lines"))[0]
    assert line["fields"]["machine_id"].startswith("mv_")


async def test_every_service_is_there_and_a_killed_one_is_told(
    mesh: LocalMesh, admin: httpx.AsyncClient
) -> None:
    async def all_there() -> Any:
        services = (await admin.get("/cluster/status")).json()["services"]
        names = {"gateway", "orchestrator", "printers", "devices", "tracking", "cluster", "mqtt"}
        healthy = {name for name, one in services.items() if one["status"] == "healthy"}
        return names <= healthy

    await eventually(all_there, what="everybody's beacon")
    old = mesh.kill("printers", signal.SIGKILL)

    async def told() -> Any:
        query = "/alerts?component=service:printers&resolved=false"
        return (await admin.get(query)).json()

    found = await eventually(told, what="the alert")
    assert found[0]["source"] == "cluster"
    await asyncio.to_thread(mesh.wait_restarted, "printers", old)

    async def ended() -> bool:
        return not await told()

    await eventually(ended, what="the alert's end")


@asynccontextmanager
async def watching(
    mesh: LocalMesh, client: httpx.AsyncClient, query: str = "", **more: Any
) -> AsyncIterator[ClientConnection]:
    ticket = (await client.get("/auth/csrf-token")).json()["csrf_token"]
    url = f"{mesh.url.replace('http', 'ws')}/ws/wall-{secrets.token_hex(3)}?csrf_token={ticket}"
    async with connect(url + query, compression=None, **more) as socket:
        yield socket


async def read(socket: ClientConnection, topic: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event.get("topic") == topic:
                return event


async def test_a_ticket_opens_one_socket_and_only_its_owners(
    mesh: LocalMesh, admin: httpx.AsyncClient, user: Caller
) -> None:
    ticket = (await admin.get("/auth/csrf-token")).json()["csrf_token"]
    url = f"{mesh.url.replace('http', 'ws')}/ws/one?csrf_token="
    other = (await user("viewer")).headers["Authorization"]
    refusals: list[tuple[str, dict[str, str], str | None]] = [
        ("", {}, None),
        ("wrong", {}, None),
        (ticket, {"Authorization": other}, None),
        (ticket, {}, None),
    ]
    codes = []
    for csrf_token, headers, _ in refusals:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url + csrf_token, additional_headers=headers):
                pass
        codes.append(refused.value.response.status_code)
    # Used up by the one who had no right to it, it opens nothing for its owner either.
    assert codes == [401, 403, 403, 403]
    async with watching(mesh, admin):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with watching(mesh, admin, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_events_of_every_service_reach_one_socket(
    mesh: LocalMesh, admin: httpx.AsyncClient, user: Caller, inspector: Inspector
) -> None:
    viewer = await user("viewer")
    image_id = await inspector.upload(png(200, 160))
    async with watching(mesh, viewer) as socket:
        record = await inspector.start(chain(image_id, ("blob_detection", {})))
        event = await read(socket, "inspections")
        assert set(event) >= {"type", "timestamp", "topic", "seq", "data"}
        assert event["data"]["inspection_id"] == record["id"]
        metrics = await read(socket, "system")
        assert metrics["data"]["cpu_percent"] >= 0
    # What came meanwhile is sent to who resumes.
    await inspector.until(record["id"])
    async with watching(mesh, viewer, f"&after={event['seq']}") as socket:
        seen = []
        while "completed" not in seen:
            later = await read(socket, "inspections")
            assert later["seq"] > event["seq"]
            seen.append(later["data"].get("status"))


async def test_a_logout_closes_the_socket_at_once(mesh: LocalMesh, user: Caller) -> None:
    viewer = await user("viewer")
    async with watching(mesh, viewer) as socket:
        assert (await viewer.post("/api/v1/auth/logout")).status_code in (200, 204)
        with suppress(ConnectionClosed):
            async with asyncio.timeout(PROMPTLY_S):
                while True:
                    await socket.recv()
        assert socket.close_code == 1008
