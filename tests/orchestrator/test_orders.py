"""What the cluster service asks of the orchestrator, and nodes' log lines on their way to it."""

import secrets

import httpx
import orjson
from nats import connect

from common.schemas.mesh import LOGS_SUBJECT
from tests.infrastructure import Nats
from tests.orchestrator.conftest import Running
from tests.orchestrator.node import Node
from tests.patience import PATIENCE_S

LINE = {
    "timestamp": "2026-01-01T00:00:00Z",
    "level": "INFO",
    "component": "gateway",
    "message": "the lens is clean",
    "request_id": "r-1",
    "tool": "lens",
}


async def test_only_a_service_orders_a_restart(shared: Running, node: Node) -> None:
    path = f"/internal/machines/{node.id}/restart"
    for role in ("admin", "machine", "viewer"):
        async with shared.client(role) as client:
            assert (await client.post(path)).status_code == 403
    async with shared.client("service") as client:
        assert (await client.post("/internal/machines/mv_000000000000/restart")).status_code == 404
        # A machine of another make, which knows no such order.
        assert (await client.post(path)).status_code == 409


async def test_a_machine_says_when_it_registered_and_how_it_feels(
    node: Node, admin: httpx.AsyncClient
) -> None:
    first = (await admin.get(f"/api/v1/machines/{node.id}/")).json()
    await node.register()
    again = (await admin.get(f"/api/v1/machines/{node.id}/")).json()
    assert again["registered_at"] > first["registered_at"]
    assert "cpu_usage" in again["system_info"]


async def test_a_nodes_lines_go_on_under_its_own_name(
    shared: Running, node: Node, nats: Nats
) -> None:
    client = await connect(nats.url)
    try:
        lines = await client.subscribe(f"{LOGS_SUBJECT}.vision-node")
        await client.flush()
        body = {"machine_id": node.id, "dropped": 3, "lines": [LINE]}
        answer = await node.client.post("/api/v1/webhooks/logs/", json=body)
        assert answer.status_code == 200, answer.text
        message = await lines.next_msg(timeout=PATIENCE_S)
    finally:
        await client.close()
    sent = orjson.loads(message.data)
    assert (sent["component"], sent["machine_id"]) == ("vision-node", node.id)
    assert (sent["message"], sent["request_id"], sent["tool"]) == (
        "the lens is clean",
        "r-1",
        "lens",
    )
    assert (message.headers or {})["Dropped"] == "3"


async def test_nobody_speaks_for_anothers_machine(shared: Running, node: Node) -> None:
    body = {"machine_id": node.id, "lines": [LINE]}
    async with shared.client("machine", subject=f"key:{secrets.token_hex(4)}") as stranger:
        assert (await stranger.post("/api/v1/webhooks/logs/", json=body)).status_code == 403
    many = {"machine_id": node.id, "lines": [LINE] * 1001}
    assert (await node.client.post("/api/v1/webhooks/logs/", json=many)).status_code == 400
