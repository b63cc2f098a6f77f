"""Two replicas and nodes that die: nothing is lost, nothing counts twice, order is kept."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.infrastructure import Postgres, stop
from tests.orchestrator.conftest import Make, Running, inspect, record_of
from tests.orchestrator.node import Node
from tests.patience import PATIENCE_S, eventually

_AT_ONCE = 8  # slots of all nodes together: what two replicas may claim side by side


@contextmanager
def a_node_process(
    running: Running, name: str, *, replica: int, slots: int = 2, work_s: float = 0.05
) -> Iterator["subprocess.Popen[bytes]"]:
    """A node as a process of its own, until the block ends."""
    options = {
        "--url": running.urls[replica],
        "--token": running.issuer.token("machine", subject=f"key:{name}"),
        "--name": name,
        "--slots": str(slots),
        "--work-s": str(work_s),
    }
    arguments = [part for option in options.items() for part in option]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.orchestrator.node", *arguments],
        env={**os.environ, "PYTHONWARNINGS": "default"},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        stop(process)


async def states(client: httpx.AsyncClient) -> Counter[str]:
    """How many inspections there are in each state."""
    figures = (await client.get("/api/v1/dashboard/")).json()
    names = ("pending", "assigned", "processing", "completed", "failed", "cancelled")
    return Counter({name: figures[f"{name}_inspections"] for name in names})


async def completed(client: httpx.AsyncClient, *, at_least: int) -> None:
    """Wait until so many are done."""

    async def is_done() -> bool:
        return (await states(client))["completed"] >= at_least

    await eventually(is_done)


async def test_two_replicas_hand_out_each_inspection_once(launch: Make) -> None:
    running: Running = launch(replicas=2)
    async with (
        running.client("admin") as admin,
        running.client("admin", replica=1) as other_admin,
        running.client("machine") as keyed,
        running.client("machine", replica=1) as other_keyed,
    ):
        nodes = [
            await Node(keyed, "one", slots=3).start(),
            await Node(other_keyed, "two", slots=3).start(),
        ]
        made = [await inspect(admin if n % 2 else other_admin) for n in range(120)]
        pushed: Counter[str] = Counter()

        async def work(node: Node) -> None:
            while True:
                assignment = await node.arrived.get()
                assert len(node.held) <= 3
                pushed[assignment.inspection_id] += 1
                assert (await node.complete(assignment))["accepted"] is True

        async def beat(node: Node) -> None:
            while True:
                await node.beat()
                await asyncio.sleep(0.5)

        tasks = [asyncio.create_task(job(node)) for node in nodes for job in (work, beat)]

        async def is_done() -> bool:
            for task in tasks:
                if task.done():
                    task.result()
            return (await states(admin))["completed"] == len(made)

        await eventually(is_done)
        for task in tasks:
            task.cancel()
        assert set(pushed) == {one["id"] for one in made}
        assert set(pushed.values()) == {1}
        for node in nodes:
            await node.stop()


async def test_killed_nodes_and_a_killed_replica_lose_and_double_nothing(launch: Make) -> None:
    total = 200
    running: Running = launch(
        replicas=2,
        GEMBA_MAX_ATTEMPTS="20",
        GEMBA_HEARTBEAT_INTERVAL_S="1",
        GEMBA_LEASE_S="2",
    )
    dice = random.Random(7)
    async with running.client("admin") as admin:
        for _ in range(total):
            await inspect(admin, priority=dice.randint(1, 10))
        for round_number in range(4):
            with (
                a_node_process(running, "one", replica=0, work_s=0.2) as one,
                a_node_process(running, "two", replica=0, work_s=0.2) as two,
            ):
                await completed(admin, at_least=(await states(admin))["completed"] + 20)
                await asyncio.sleep(dice.random() / 2)
                if round_number == 2:
                    running.processes[1].kill()
                (one if round_number % 2 else two).kill()
                await completed(admin, at_least=(await states(admin))["completed"] + 3)
        with a_node_process(running, "one", replica=0, slots=4):
            # In steps: a busy machine needs its time, but it goes on.
            for done in range(0, total + 1, 20):
                await completed(admin, at_least=done)
        assert (await states(admin))["completed"] == total
        await _each_counted_once(admin, total)


async def _each_counted_once(admin: httpx.AsyncClient, total: int) -> None:
    ids: list[str] = []
    page: str | None = "/api/v1/inspections/?page_size=100"
    while page is not None:
        listed = (await admin.get(page)).json()
        ids += [one["id"] for one in listed["results"]]
        page = (listed["next"] or "").removeprefix("https://factory.example") or None
    assert len(set(ids)) == total
    outcomes: Counter[Any] = Counter()
    begun: list[tuple[str, int]] = []
    for inspection_id in ids:
        record = await record_of(admin, inspection_id)
        begun.append((record["attempts"][0]["started_at"], record["priority"]))
        ended = [one["outcome"] for one in record["attempts"]]
        outcomes.update(ended)
        assert ended.count("completed") == 1
        assert ended[-1] == "completed"
        assert record["attempt_count"] == len(ended)
        numbers = [one["attempt"] for one in record["attempts"]]
        assert numbers == sorted(set(numbers))
    assert outcomes["lease_expired"] + outcomes["machine_offline"] > 0, "no kill hit any work"
    _begun_by_priority([priority for _, priority in sorted(begun)])


def _begun_by_priority(priorities: list[int]) -> None:
    """None was begun while more urgent ones waited, but for claims of the same moment."""
    for place in range(len(priorities) - _AT_ONCE):
        assert priorities[place] <= min(priorities[place + _AT_ONCE :]), priorities


async def test_a_killed_database_comes_back_and_the_queue_goes_on(
    launch: Make, postgres: Postgres
) -> None:
    running: Running = launch()
    async with running.client("admin") as admin, running.client("machine") as keyed:
        node = await Node(keyed, "only", slots=2).start()
        made = [await inspect(admin) for _ in range(6)]
        first = await node.next()
        postgres.kill()
        refused = await admin.get("/api/v1/machines/")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "DATABASE_ERROR"
        assert (await admin.get("/readyz")).status_code == 503
        postgres.start()

        async def is_accepted() -> bool:
            answer = await node.report(first, "completed", results={})
            return answer.status_code == 200

        await eventually(is_accepted)
        await node.beat()
        async with asyncio.timeout(PATIENCE_S):
            while (await states(admin))["completed"] < len(made):
                with_timeout = asyncio.wait_for(node.arrived.get(), 1.0)
                try:
                    await node.complete(await with_timeout)
                except TimeoutError:
                    await node.beat()
        await node.stop()


async def test_sigterm_drains_and_leaves_no_lease_behind_that_nobody_saw(launch: Make) -> None:
    running: Running = launch(replicas=2)
    async with (
        running.client("admin", replica=1) as admin,
        running.client("machine", replica=1) as keyed,
    ):
        node = await Node(keyed, "only", slots=50).start()
        making = [asyncio.create_task(inspect(admin)) for _ in range(40)]
        await node.next()
        await asyncio.to_thread(stop, running.processes[0])
        # uvicorn ends by the signal that stopped it, once everything is closed.
        assert running.processes[0].returncode in (0, -signal.SIGTERM)
        await asyncio.gather(*making)

        async def is_all_held() -> bool:
            await node.beat()
            return len(node.held) == 40

        await eventually(is_all_held)
        for one in (await admin.get("/api/v1/inspections/?page_size=100")).json()["results"]:
            assert one["attempt_count"] == 1
        await node.stop()
