"""Dask workers as workers: a real scheduler, two workers under their nannies, the API's orders."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import Running, start
from tests.infrastructure import Issuer, Nats, Postgres, free_port, stop
from tests.patience import PATIENCE_S, eventually


class Dask:
    """A scheduler and workers, each a process as `dask scheduler` and `dask worker` start them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"tcp://127.0.0.1:{self.port}"
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Run the scheduler and two workers."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        self.run("scheduler", *options, "--no-jupyter")
        for name in ("one", "two"):
            self.worker(name)

    def worker(self, name: str, *more: str) -> None:
        """Run a worker."""
        options = ["--host", "127.0.0.1", "--name", name, "--nthreads", "1", "--no-dashboard"]
        folder = ["--local-directory", str(self._folder), "--memory-limit", "512MiB"]
        self.run("worker", self.url, *options, *folder, *more)

    def run(self, *arguments: str) -> None:
        """Run `dask` with these."""
        environment = {**os.environ, "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]"}
        with (self._folder / "dask.log").open("ab") as log:
            program = Path(sys.executable).with_name("dask")
            self._processes.append(
                subprocess.Popen([program, *arguments], stdout=log, stderr=log, env=environment)
            )

    def close(self) -> None:
        """Stop all of them."""
        for process in reversed(self._processes):
            stop(process)

    def kill_scheduler(self) -> None:
        """End the scheduler at once."""
        self._processes[0].send_signal(signal.SIGKILL)
        self._processes[0].wait(PATIENCE_S)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    made = Dask(tmp_path_factory.mktemp("dask"))
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    dask: Dask,
    postgres: Postgres,
    nats: Nats,
    issuer: Issuer,
) -> Iterator[Running]:
    with ExitStack() as stack:
        yield start(
            stack,
            tmp_path_factory.mktemp("cluster"),
            servers=(postgres, nats, issuer),
            GEMBA_DASK_URL=dask.url,
            GEMBA_DRAIN_LIMIT_S="1",
        )


async def workers_of(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    found = (await client.get("/workers")).json()
    return {one["name"]: one for one in found if one["kind"] == "dask"}


async def until_done(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    operation_id = answer.json()["operation_id"]

    async def ask() -> Any:
        body = (await client.get(f"/operations/{operation_id}")).json()
        return body if body["completed_at"] else None

    body: dict[str, Any] = await eventually(ask, what="the operation's end")
    return body


async def both_workers(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    async def ask() -> Any:
        found = await workers_of(client)
        return found if {"one", "two"} <= set(found) else None

    found: dict[str, dict[str, Any]] = await eventually(ask, what="both workers")
    return found


async def test_work_of_a_restarted_worker_is_done_all_the_same(
    running: Running, dask: Dask
) -> None:
    def slow(number: int) -> int:
        time.sleep(0.7)
        return number * number

    async with running.client("admin") as admin:
        chosen = (await both_workers(admin))["one"]
        # By its name, for it ships no types.
        client = await import_module("distributed").Client(
            dask.url, asynchronous=True, set_as_default=False
        )
        try:
            futures = client.map(slow, range(8))

            async def busy() -> bool:
                return bool((await workers_of(admin))["one"]["current_tasks"])

            await eventually(busy, what="work")
            done = await until_done(admin, await admin.post(f"/workers/{chosen['id']}/restart"))
            assert done["status"] == "completed", done
            assert sorted(await client.gather(futures)) == [n * n for n in range(8)]
        finally:
            await client.close()


async def test_a_worker_without_a_nanny_says_why_it_cannot_be_restarted(
    running: Running, dask: Dask
) -> None:
    dask.worker("bare", "--no-nanny")
    async with running.client("admin") as admin:

        async def ask() -> Any:
            return (await workers_of(admin)).get("bare")

        bare = await eventually(ask, what="the worker")
        done = await until_done(admin, await admin.post(f"/workers/{bare['id']}/restart"))
        assert done["status"] == "failed"
        assert "nanny" in done["error"]


async def test_workers_are_listed_restarted_and_retired(running: Running, dask: Dask) -> None:
    async with running.client("admin") as admin:
        before = await both_workers(admin)
        assert before["one"]["status"] == "running"
        assert before["one"]["current_tasks"] == 0
        assert 0 < before["one"]["memory_percent"] < 100
        summary = (await admin.get("/api/system_metrics")).json()
        assert summary["dask"] == {"status": "running", "port": dask.port}
        chosen = before["one"]
        done = await until_done(admin, await admin.post(f"/workers/{chosen['id']}/restart"))
        assert (done["status"], done["error"]) == ("completed", None)
        after = await both_workers(admin)
        assert after["one"]["id"] == chosen["id"]
        assert after["one"]["address"] != chosen["address"]
        assert after["two"]["address"] == before["two"]["address"]
        retired = after["two"]
        done = await until_done(admin, await admin.post(f"/workers/{retired['id']}/stop"))
        assert (done["status"], done["progress"]) == ("completed", 100)
        assert "two" not in await workers_of(admin)
        assert (await admin.get(f"/workers/{retired['id']}")).status_code == 404


async def test_a_scheduler_that_has_gone_leaves_the_rest_at_work(
    running: Running, dask: Dask
) -> None:
    async with running.client("admin") as admin:
        chosen = (await workers_of(admin))["one"]
        dask.kill_scheduler()

        async def unknown() -> Any:
            return (await workers_of(admin))["one"]["status"] == "unknown"

        await eventually(unknown, what="the loss")
        summary = (await admin.get("/api/system_metrics")).json()
        assert summary["dask"]["status"] == "stopped"
        done = await until_done(admin, await admin.post(f"/workers/{chosen['id']}/stop"))
        assert done["status"] == "failed"
        assert "scheduler" in done["error"]
        assert (await admin.get("/cluster/status")).status_code == 200
