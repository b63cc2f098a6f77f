"""The queue: order, strategies, capacity, waits that are told."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.orchestrator.conftest import (
    Make,
    Running,
    inspect,
    reaches,
    record_of,
    retire,
)
from tests.orchestrator.node import Node
from tests.patience import PATIENCE_S, eventually

Join = Callable[..., Awaitable[Node]]


@pytest.fixture
async def join(admin: httpx.AsyncClient, keyed: httpx.AsyncClient) -> AsyncIterator[Join]:
    """Brings nodes online."""
    joined: list[Node] = []

    async def make(**options: object) -> Node:
        node = Node(keyed, f"MV-{secrets.token_hex(4)}", **options)  # type: ignore[arg-type]  # passed on
        joined.append(await node.start())
        return node

    yield make
    for node in joined:
        await retire(node, admin)


async def distribute(
    client: httpx.AsyncClient, inspection_id: str, **fields: object
) -> httpx.Response:
    """Ask for a machine."""
    body = {"inspection_id": inspection_id, **fields}
    return await client.post("/api/v1/orchestrator/distribute/", json=body)


async def test_the_most_urgent_goes_first_and_equals_in_their_order(
    node: Node, admin: httpx.AsyncClient
) -> None:
    await inspect(admin)
    first = await node.next()
    made = [(await inspect(admin, priority=p))["id"] for p in (10, 5, 1, 5, 2)]
    wanted = [made[2], made[4], made[1], made[3], made[0]]
    queue = (await admin.get("/api/v1/orchestrator/queue/")).json()
    assert [one["id"] for one in queue["pending_inspections"]] == wanted
    assert [one["queue_position"] for one in queue["pending_inspections"]] == [1, 2, 3, 4, 5]
    assert queue["machine_assignments"][node.id] == {"current_inspections": 1, "queue_position": 0}
    served = []
    await node.complete(first)
    for _ in wanted:
        assignment = await node.next()
        served.append(assignment.inspection_id)
        await node.complete(assignment)
    assert served == wanted


async def test_a_change_of_priority_moves_a_waiting_inspection(
    node: Node, admin: httpx.AsyncClient
) -> None:
    await inspect(admin)
    first = await node.next()
    early, late = (await inspect(admin))["id"], (await inspect(admin))["id"]
    await admin.patch(f"/api/v1/inspections/{late}/", json={"priority": 1})
    assert (await record_of(admin, late))["queue_position"] == 1
    await node.complete(first)
    second = await node.next()
    assert second.inspection_id == late
    await node.complete(second)
    last = await node.next()
    assert last.inspection_id == early
    await node.complete(last)


async def test_a_low_priority_is_not_starved(launch: Make) -> None:
    running = launch(GEMBA_PRIORITY_AGING_S="0.2")
    async with running.client("admin") as admin, running.client("machine") as keyed:
        node = await Node(keyed, "only").start()
        await inspect(admin)
        current = await node.next()
        patient = (await inspect(admin, priority=10))["id"]
        served = 0
        async with asyncio.timeout(PATIENCE_S):
            while current.inspection_id != patient:
                await inspect(admin, priority=1)
                await inspect(admin, priority=1)
                await node.complete(current)
                await node.beat()
                current = await node.next()
                served += 1
        assert served > 3, "priority 1 goes before priority 10 at first"
        await node.stop()


async def test_capacity_is_the_larger_of_leases_and_what_was_reported(
    join: Join, admin: httpx.AsyncClient
) -> None:
    node = await join(slots=2)
    await node.beat(current_inspections=2)
    for _ in range(3):
        await inspect(admin)
    with pytest.raises(TimeoutError):
        await node.next(0.8)
    machine = (await admin.get(f"/api/v1/machines/{node.id}/")).json()
    assert machine["current_inspections"] == 2
    assert machine["is_available"] is False
    await node.beat(current_inspections=0)
    held = [await node.next(), await node.next()]
    await node.beat(current_inspections=0)
    with pytest.raises(TimeoutError):
        await node.next(0.8)
    for assignment in held:
        await node.complete(assignment)
    await node.complete(await node.next())


async def test_a_freed_slot_is_filled_before_the_next_heartbeat(
    node: Node, admin: httpx.AsyncClient
) -> None:
    for _ in range(20):
        await inspect(admin)
    # This one sends no more heartbeats: nothing else tells of its free slot.
    for _ in range(20):
        await node.complete(await node.next())


async def test_distribute_answers_with_the_machine_or_with_the_place_in_the_queue(
    join: Join, admin: httpx.AsyncClient
) -> None:
    node = await join()
    made = await inspect(admin, auto_distribute=False)
    answer = await distribute(admin, made["id"], strategy="load_balanced")
    assert answer.status_code == 200
    assert (
        answer.json().items()
        >= {
            "inspection_id": made["id"],
            "machine_id": node.id,
            "status": "assigned",
            "strategy": "load_balanced",
        }.items()
    )
    assignment = await node.next()
    again = await distribute(admin, made["id"])
    assert again.status_code == 200
    assert again.json()["machine_id"] == node.id

    waiting = await inspect(admin, auto_distribute=False)
    answer = await distribute(admin, waiting["id"], strategy="nearest")
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    assert answer.json()["queue_position"] == 1
    assert isinstance(answer.json()["estimated_wait_time"], int)
    nobody = await inspect(admin, inspection_type="x_ray", auto_distribute=False)
    answer = await distribute(admin, nobody["id"])
    assert answer.status_code == 202
    assert answer.json()["queue_position"] == 2
    assert answer.json()["estimated_wait_time"] is None
    await node.complete(assignment)
    await node.complete(await node.next())
    unknown = await distribute(admin, "ins_000000000000")
    assert unknown.status_code == 404
    stranger = await distribute(admin, nobody["id"], preferred_machines=["mv_000000000000"])
    assert stranger.status_code == 422
    wrong = await distribute(admin, nobody["id"], strategy="best")
    assert wrong.status_code == 400


async def test_without_auto_distribute_nothing_happens(
    node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin, auto_distribute=False)
    assert made["queued_at"] is None
    with pytest.raises(TimeoutError):
        await node.next(0.8)
    queue = (await admin.get("/api/v1/orchestrator/queue/")).json()
    assert made["id"] not in [one["id"] for one in queue["pending_inspections"]]


async def test_nearest_takes_the_machine_of_the_same_place(
    join: Join, admin: httpx.AsyncClient
) -> None:
    far = await join(location="Fábrica 2 / Linha B", slots=9)
    near = await join(location="Fábrica 1 / Linha B")
    exact = await join(location="Fábrica 1 / Linha A")
    ids = [
        (await inspect(admin, location="Fábrica 1 / Linha A", auto_distribute=False))["id"]
        for _ in range(3)
    ]
    chosen = [
        (await distribute(admin, one, strategy="nearest")).json()["machine_id"] for one in ids
    ]
    assert chosen == [exact.id, near.id, far.id]


async def test_specialized_takes_the_machine_that_can_least_else(
    join: Join, admin: httpx.AsyncClient
) -> None:
    await join(types=("blob_detection", "edge_detection", "color_filter"), slots=9)
    expert = await join(types=("edge_detection",))
    made = await inspect(admin, inspection_type="edge_detection", auto_distribute=False)
    answer = await distribute(admin, made["id"], strategy="specialized")
    assert answer.json()["machine_id"] == expert.id


async def test_load_balanced_takes_the_machine_that_was_measured_to_be_faster(
    join: Join, admin: httpx.AsyncClient
) -> None:
    slow, fast = await join(), await join()
    for node, seconds in ((slow, 0.5), (fast, 0.0)):
        made = await inspect(admin, target_machine_id=node.id)
        assignment = await node.next()
        assert assignment.inspection_id == made["id"]
        await asyncio.sleep(seconds)
        await node.complete(assignment)
    made = await inspect(admin, auto_distribute=False)
    assert (await distribute(admin, made["id"])).json()["machine_id"] == fast.id
    made = await inspect(admin, auto_distribute=False)
    answer = await distribute(admin, made["id"], preferred_machines=[slow.id])
    assert answer.json()["machine_id"] == slow.id


async def test_send_waits_for_a_full_machine_and_refuses_one_that_is_offline(
    join: Join, admin: httpx.AsyncClient, keyed: httpx.AsyncClient
) -> None:
    node, other = await join(), await join(slots=5)
    first = await inspect(admin, auto_distribute=False)
    path = f"/api/v1/inspections/{first['id']}/send/"
    sent = await admin.post(path, json={"target_machine_id": node.id, "priority": 1})
    assert sent.status_code == 200
    assert sent.json()["status"] == "assigned"
    assert sent.json()["machine_id"] == node.id
    assert sent.json()["priority"] == 1
    assert (await admin.post(path, json={"target_machine_id": other.id})).status_code == 409

    second = await inspect(admin, auto_distribute=False)
    path = f"/api/v1/inspections/{second['id']}/send/"
    full = await admin.post(path, json={"target_machine_id": node.id})
    assert full.status_code == 202
    assert full.json()["status"] == "pending"
    assert full.json()["queue_position"] == 1
    with pytest.raises(TimeoutError):
        await other.next(0.6)
    await node.complete(await node.next())
    assert (await node.next()).inspection_id == second["id"]

    away = Node(keyed, f"MV-{secrets.token_hex(4)}")
    await away.start(online=False)
    third = await inspect(admin, auto_distribute=False)
    path = f"/api/v1/inspections/{third['id']}/send/"
    assert (await admin.post(path, json={"target_machine_id": away.id})).status_code == 409
    unknown = await admin.post(path, json={"target_machine_id": "mv_000000000000"})
    assert unknown.status_code == 422
    assert (await admin.post(path, json={})).status_code == 400
    assert (await admin.post(path)).status_code == 400
    assert (
        await admin.post(path, json={"target_machine_id": node.id, "priority": 0})
    ).status_code == 400
    await away.stop()


async def test_what_no_free_machine_can_do_does_not_block_what_one_can(
    node: Node, admin: httpx.AsyncClient
) -> None:
    for _ in range(5):
        await inspect(admin, inspection_type="x_ray", priority=1)
    made = await inspect(admin, priority=10)
    assignment = await node.next()
    assert assignment.inspection_id == made["id"]
    await node.complete(assignment)


async def test_a_pipeline_goes_only_to_a_machine_that_has_its_tools(
    join: Join, admin: httpx.AsyncClient
) -> None:
    full = await join(types=())
    without = await join(types=(), slots=5, tools=[full.registration["tools"][0]])
    made = await inspect(admin, inspection_type="anything_at_all")
    assignment = await full.next()
    assert assignment.inspection_id == made["id"]
    assert without.arrived.empty()
    await full.complete(assignment)


async def test_a_full_answer_costs_no_attempt_and_is_asked_again(
    node: Node, admin: httpx.AsyncClient
) -> None:
    node.answer = 503
    made = await inspect(admin)

    async def was_asked_twice() -> bool:
        return len(node.identities) >= 2

    await eventually(was_asked_twice)
    node.answer = 202
    assignment = await node.next()
    assert assignment.lease.attempt == 1
    await node.complete(assignment)
    assert (await record_of(admin, made["id"]))["attempt_count"] == 1


async def test_a_refused_assignment_fails_with_the_machines_words(
    node: Node, admin: httpx.AsyncClient
) -> None:
    node.answer = 422
    made = await inspect(admin)
    record = await reaches(admin, made["id"], "failed")
    assert "422" in record["error_message"]


async def test_an_unreachable_machine_is_marked_and_loses_nothing(
    join: Join, admin: httpx.AsyncClient
) -> None:
    dead = await join(slots=9)
    await dead.stop()
    made = await inspect(admin)

    async def is_marked() -> bool:
        machine = (await admin.get(f"/api/v1/machines/{dead.id}/")).json()
        return bool(machine["last_push_error"])

    await eventually(is_marked)
    record = await reaches(admin, made["id"], "pending")
    assert record["attempt_count"] == 0
    alive = await join()
    assert (await alive.next()).inspection_id == made["id"]


async def test_a_silent_gateway_blames_no_machine(launch: Make) -> None:
    running = launch()
    async with running.client("admin") as admin, running.client("machine") as keyed:
        node = await Node(keyed, "only").start()
        running.issuer.is_silent = True
        try:
            made = await inspect(admin)
            with pytest.raises(TimeoutError):
                await node.next(1.5)
            machine = (await admin.get(f"/api/v1/machines/{node.id}/")).json()
            assert machine["last_push_error"] is None
        finally:
            running.issuer.is_silent = False
        assignment = await node.next()
        assert assignment.inspection_id == made["id"]
        assert assignment.lease.attempt == 1
        await node.stop()


async def test_before_any_node_came_a_pipeline_is_taken_and_judged_later(launch: Make) -> None:
    running: Running = launch()
    async with running.client("admin") as admin, running.client("machine") as keyed:
        sound = await inspect(admin)
        unknown = {"tools": [{"name": "telepathy"}]}
        broken = await inspect(admin, pipeline_config=unknown)
        circle = {
            "tools": [{"name": "a"}, {"name": "b"}],
            "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
        }
        body = {"name": "x", "inspection_type": "x", "pipeline_config": circle}
        assert (await admin.post("/api/v1/inspections/", json=body)).status_code == 422
        node = await Node(keyed, "first").start()
        record = await reaches(admin, broken["id"], "failed")
        assert "telepathy" in record["error_message"]
        assert (await node.next()).inspection_id == sound["id"]
        await node.stop()
