"""Parts are killed while they work; what was accepted is done all the same."""

import asyncio
import signal

import httpx

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S
from tests.system.conftest import Inspector, chain
from tests.system.pictures import png

SIDE = 6000
LONG_WORK = [("edge_detection", {"method": "canny"})] * 12


async def test_a_node_killed_in_mid_inspection_loses_nothing(
    mesh: LocalMesh, inspector: Inspector
) -> None:
    image_id = await inspector.upload(png(SIDE, SIDE))
    started = await inspector.start(chain(image_id, *LONG_WORK))
    await inspector.until(started["id"], ("processing",))
    old = mesh.kill("vision-node", signal.SIGKILL)
    record = await inspector.until(started["id"])
    assert record["status"] == "completed", record["error_message"]
    assert record["attempt_count"] == 2
    first, second = record["attempts"]
    assert first["outcome"] != "completed"
    assert second["outcome"] == "completed"
    assert mesh.pid("vision-node") != old


async def test_postgresql_killed_under_load_loses_no_accepted_work(
    mesh: LocalMesh, inspector: Inspector
) -> None:
    image_id = await inspector.upload(png(200, 160))
    pipeline = chain(image_id, ("blob_detection", {}))
    body = {"name": "load", "inspection_type": "blob_detection", "pipeline_config": pipeline}
    accepted: list[str] = []
    refused: set[int] = set()
    is_over = asyncio.Event()

    async def load() -> None:
        while not is_over.is_set():
            try:
                answer = await inspector.client.post("/api/v1/inspections/", json=body)
            except httpx.TransportError:
                continue
            if answer.status_code == 201:
                accepted.append(answer.json()["id"])
            else:
                refused.add(answer.status_code)
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(load())
        await _count(accepted, 40)
        old = mesh.kill("postgres", signal.SIGKILL)
        await asyncio.to_thread(mesh.wait_restarted, "postgres", old)
        await _count(accepted, len(accepted) + 40)
        is_over.set()
    # 503 says that the same request may succeed later; nothing else was said.
    assert refused <= {503}, refused
    records = [await inspector.until(inspection_id) for inspection_id in accepted]
    assert {record["status"] for record in records} == {"completed"}
    await _healthy(inspector.client)


async def _count(accepted: list[str], number: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(accepted) < number:
            await asyncio.sleep(0.05)


async def _healthy(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await client.get("/health")).json()["status"] != "healthy":
            await asyncio.sleep(0.2)
