"""What shows the whole: dashboard and tools; and hostile text, which is answered calmly."""

import httpx

from tests.orchestrator.conftest import inspect
from tests.orchestrator.node import Node


async def test_the_dashboard_counts_every_state(node: Node, admin: httpx.AsyncClient) -> None:
    before = (await admin.get("/api/v1/dashboard/")).json()
    await inspect(admin)
    assignment = await node.next()
    during = (await admin.get("/api/v1/dashboard/")).json()
    assert during["assigned_inspections"] == before["assigned_inspections"] + 1
    await node.report(assignment, "processing")
    await node.complete(assignment)
    after = (await admin.get("/api/v1/dashboard/")).json()
    assert after["completed_inspections"] == before["completed_inspections"] + 1
    states = ("pending", "assigned", "processing", "completed", "failed", "cancelled")
    assert after["total_inspections"] == sum(after[f"{state}_inspections"] for state in states)
    assert after["online_machines"] >= 1
    assert after["system_health"] in ("good", "degraded")
    assert after["performance_metrics"]["throughput_per_hour"] >= 1
    assert 0 <= after["performance_metrics"]["success_rate"] <= 100
    assert after["performance_metrics"]["average_processing_time"] > 0


async def test_the_tools_are_the_union_of_what_machines_registered(
    node: Node, admin: httpx.AsyncClient
) -> None:
    listed = (await admin.get("/api/v1/tools/")).json()
    names = [tool["name"] for tool in listed["tools"]]
    assert listed["count"] == len(names)
    assert {"image_source", "blob_detection", "limit"} <= set(names)
    keys = {"name", "description", "category", "parameters", "inputs", "outputs", "example"}
    assert all(tool.keys() >= keys for tool in listed["tools"])


async def test_hostile_text_in_queries_and_paths_is_answered_calmly(
    admin: httpx.AsyncClient,
) -> None:
    for query in ("machine_id=%00", "machine_id=%ff", "name=' OR 1=1 --", "page_size=%F0%9F%98%80"):
        answer = await admin.get(f"/api/v1/inspections/?{query}")
        assert answer.status_code < 500
    for path in ("ins_%00", "..%2f..%2fetc", "x" * 3000):
        assert (await admin.get(f"/api/v1/inspections/{path}/")).status_code == 404
