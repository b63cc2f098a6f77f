"""Leases: fenced, renewed, lost, cancelled; what comes late changes nothing and is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from tests.callers import calling
from tests.orchestrator.conftest import (
    Floor,
    Make,
    Running,
    floor_of,
    inspect,
    reaches,
    record_of,
)
from tests.orchestrator.node import Node
from tests.patience import PATIENCE_S, eventually


@asynccontextmanager
async def beating(node: Node, *, forgets: bool = False) -> AsyncIterator[None]:
    """Heartbeats during the block; one that forgets holds nothing any more."""

    async def beat() -> None:
        while True:
            if forgets:
                node.held.clear()
            await node.beat()
            await asyncio.sleep(0.3)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_heartbeats_keep_a_lease_beyond_its_first_expiry(forgetful_floor: Floor) -> None:
    floor = forgetful_floor
    node = await floor.node()
    made = await inspect(floor.admin)
    assignment = await node.next()
    async with beating(node):
        await asyncio.sleep(3.0)  # longer than a lease: only renewal explains that it is held
    record = await record_of(floor.admin, made["id"])
    assert record["status"] == "assigned"
    assert record["attempt_count"] == 1
    receipt = await node.beat()
    assert receipt["status"] == "ok"
    assert [one["inspection_id"] for one in receipt["renewed"]] == [made["id"]]
    assert receipt["renewed"][0]["expires_at"] > assignment.lease.expires_at.isoformat()
    assert (await node.complete(assignment))["accepted"] is True


async def test_an_expired_lease_is_queued_again_and_its_late_result_changes_nothing(
    forgetful_floor: Floor,
) -> None:
    floor = forgetful_floor
    node = await floor.node()
    made = await inspect(floor.admin)
    lost = await node.next()
    async with beating(node, forgets=True):
        again = await node.next()
    assert again.inspection_id == lost.inspection_id
    assert again.lease.attempt == 2
    assert again.lease.token != lost.lease.token
    node.held[again.inspection_id] = again
    await node.beat()
    late = await node.report(lost, "completed", results={"blob_count": 666})
    assert late.status_code == 200
    assert late.json() == {"accepted": False, "status": "assigned"}
    assert (await record_of(floor.admin, made["id"]))["results"] is None
    assert (await node.complete(again)) == {"accepted": True, "status": "completed"}
    double = await node.complete(again, blob_count=777)
    assert double == {"accepted": False, "status": "completed"}

    record = await record_of(floor.admin, made["id"])
    assert record["results"]["blob_count"] == 5
    assert [one["outcome"] for one in record["attempts"]] == ["lease_expired", "completed"]
    assert record["attempts"][0]["ended_at"] is not None
    kept = [one["report"]["results"]["blob_count"] for one in record["late_reports"]]
    assert kept == [666, 777]
    assert "lease_token" not in record["late_reports"][0]["report"]


async def test_a_result_of_a_machine_that_never_held_the_lease_is_409(
    node: Node, admin: httpx.AsyncClient, keyed: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    other = await Node(keyed, f"{node.registration['name']}-other").start(online=False)
    forged = assignment.model_copy(update={"machine_id": other.id})
    assert (await other.report(forged, "completed", results={})).status_code == 409
    assert (await record_of(admin, made["id"]))["status"] == "assigned"
    unknown = assignment.model_copy(update={"inspection_id": "ins_000000000000"})
    assert (await node.report(unknown, "completed", results={})).status_code == 404
    await other.stop()
    node.held[made["id"]] = assignment
    await node.complete(assignment)


async def test_leases_that_are_not_known_are_told_lost(node: Node) -> None:
    leases = [{"inspection_id": "ins_000000000000", "token": "stale"}]
    assert (await node.beat(leases=leases, current_inspections=0))["lost"] == ["ins_000000000000"]


async def test_a_cancelled_inspection_is_recalled_and_ends_its_lease(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    cancelled = await admin.post(f"/api/v1/inspections/{made['id']}/cancel/")
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    assert await asyncio.wait_for(node.recalled.get(), PATIENCE_S) == made["id"]
    receipt = await node.beat()
    assert receipt["cancelled"] == [made["id"]]
    assert receipt["renewed"] == []
    machine = (await admin.get(f"/api/v1/machines/{node.id}/")).json()
    assert machine["current_inspections"] == 1
    summary = await node.report(assignment, "cancelled", results={"frames": 17})
    assert summary.json() == {"accepted": True, "status": "cancelled"}
    record = await record_of(admin, made["id"])
    assert record["results"] == {"frames": 17}
    assert record["attempts"][0]["outcome"] == "cancelled"
    assert (await admin.get(f"/api/v1/machines/{node.id}/")).json()["current_inspections"] == 0


async def test_a_result_that_crosses_a_cancel_is_evidence_only(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    await admin.post(f"/api/v1/inspections/{made['id']}/cancel/")
    answer = await node.complete(assignment)
    assert answer == {"accepted": False, "status": "cancelled"}
    record = await record_of(admin, made["id"])
    assert record["results"] is None
    assert len(record["late_reports"]) == 1
    retried = await admin.post(f"/api/v1/inspections/{made['id']}/retry/")
    assert retried.status_code == 200
    await node.complete(await node.next())


async def test_work_that_is_given_back_goes_to_the_queue_without_a_loss(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    for _ in range(4):
        assignment = await node.next()
        answer = await node.report(assignment, "cancelled")
        assert answer.json() == {"accepted": True, "status": "pending"}
        await node.beat()
    await node.complete(await node.next())
    record = await record_of(admin, made["id"])
    assert [one["outcome"] for one in record["attempts"]] == ["given_back"] * 4 + ["completed"]


async def test_a_silent_machine_goes_offline_and_another_takes_over(
    launch: Make,
) -> None:
    running = launch(GEMBA_HEARTBEAT_INTERVAL_S="0.5", GEMBA_LEASE_S="600")
    async with floor_of(running) as floor:
        silent = await floor.node()
        made = await inspect(floor.admin)
        await silent.next()
        await silent.stop()
        other = await floor.node()
        async with beating(other):
            assignment = await other.next()
            assert assignment.inspection_id == made["id"]
            machine = (await floor.admin.get(f"/api/v1/machines/{silent.id}/")).json()
            assert machine["status"] == "offline"
            assert machine["current_inspections"] == 0
            await other.complete(assignment)
        record = await record_of(floor.admin, made["id"])
        outcomes = [one["outcome"] for one in record["attempts"]]
        assert outcomes == ["machine_offline", "completed"]


async def test_what_loses_too_many_leases_is_a_dead_letter_and_can_be_replayed(
    forgetful_floor: Floor,
) -> None:
    floor = forgetful_floor
    node = await floor.node()
    made = await inspect(floor.admin)
    async with beating(node, forgets=True):
        record = await reaches(floor.admin, made["id"], "failed")
    assert "2 attempts" in record["error_message"]
    assert [one["outcome"] for one in record["attempts"]] == ["lease_expired"] * 2
    dead = (await floor.admin.get("/api/v1/dead-letters/")).json()
    assert [one["id"] for one in dead["results"]] == [made["id"]]
    await node.next()
    await node.next()
    replayed = await floor.admin.post("/api/v1/dead-letters/replay/")
    assert replayed.json() == {"replayed": [made["id"]]}
    assignment = await node.next()
    assert assignment.lease.attempt == 3
    await node.complete(assignment)
    assert (await floor.admin.get("/api/v1/dead-letters/")).json()["count"] == 0
    assert (await floor.admin.post("/api/v1/dead-letters/replay/")).json() == {"replayed": []}


async def test_evidence_of_a_machine_that_repeats_itself_is_bounded(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    await node.complete(assignment)
    for _ in range(30):
        assert (await node.complete(assignment))["accepted"] is False
    assert len((await record_of(admin, made["id"]))["late_reports"]) == 20


async def test_figures_of_the_queue_are_scraped(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    for _ in range(3):
        await inspect(admin, priority=4)
    assignment = await node.next()

    async def scraped() -> str | None:
        async with calling() as scraper:
            text = (await scraper.get(f"{shared.urls[0]}/metrics")).text
        return text if 'inspection_queue_depth{priority="4"} 2.0' in text else None

    text = await eventually(scraped)
    for name in (
        "inspection_queue_oldest_seconds",
        "inspection_wait_seconds_count",
        "inspection_wait_estimate_error_seconds_count",
        "inspection_leases_lost_total",
        "inspection_attempts_total",
        "inspection_push_seconds_count",
    ):
        assert name in text
    await node.complete(assignment)
    for _ in range(2):
        await node.complete(await node.next())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "done"),
        ("timestamp", "yesterday"),
        ("timestamp", "2025-08-13T20:10:00"),
        ("results", []),
        ("attempt", 0),
        ("inspection_id", ""),
        ("machine_id", None),
    ],
)
async def test_a_malformed_report_is_400(node: Node, field: str, value: object) -> None:
    body = {
        "machine_id": node.id,
        "inspection_id": "ins_000000000000",
        "status": "completed",
        "results": {},
        "timestamp": "2025-08-13T20:10:00Z",
        field: value,
    }
    answer = await node.client.post("/api/v1/webhooks/results/", json=body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]["fields"]
