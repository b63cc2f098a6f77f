"""What is past its retention goes, with its bytes; what is still needed stays."""

from pathlib import Path

import asyncpg

from tests.orchestrator.conftest import Make, Running, inspect
from tests.orchestrator.node import Node
from tests.orchestrator.test_images import png, upload
from tests.patience import eventually


async def test_retention_removes_rows_and_bytes_but_nothing_that_is_needed(
    launch: Make,
) -> None:
    running: Running = launch(
        GEMBA_RETENTION_INTERVAL_S="0.2",
        GEMBA_RESULT_RETENTION_DAYS="1",
        GEMBA_IMAGE_RETENTION_DAYS="1",
    )
    stored = Path(running.environment["GEMBA_DATA_DIR"]) / "artifacts"

    def files() -> set[str]:
        return {one.name for one in stored.rglob("*") if one.is_file()}

    async with running.client("admin") as admin, running.client("machine") as keyed:
        node = await Node(keyed, "only").start()
        old, needed, young = [
            (await upload(admin, png(size, size))).json()["image_id"] for size in (1, 2, 3)
        ]
        done = await inspect(admin)
        assignment = await node.next()
        await node.client.put(
            f"/api/v1/webhooks/artifacts/{done['id']}/overlay.jpg",
            content=b"x",
            headers={"X-Machine-ID": node.id, "X-Lease-Token": assignment.lease.token},
        )
        await node.complete(assignment)
        source = {"source_type": "upload", "image_id": needed}
        tools = [{"name": "image_source", "parameters": source}]
        waiting = await inspect(admin, pipeline_config={"tools": tools}, auto_distribute=False)
        assert files() == {old, needed, young, "overlay.jpg"}

        connection = await asyncpg.connect(
            running.environment["GEMBA_DATABASE_URL"].replace("+asyncpg", "")
        )
        await connection.execute(
            "UPDATE orchestrator.images SET created_at = now() - interval '2 days' WHERE id <> $1",
            young,
        )
        await connection.execute(
            "UPDATE orchestrator.inspections SET completed_at = now() - interval '2 days',"
            " created_at = now() - interval '2 days'"
        )
        await connection.execute(
            "UPDATE orchestrator.inspections SET completed_at = NULL WHERE id = $1", waiting["id"]
        )
        await connection.close()

        async def is_swept() -> bool:
            return files() == {needed, young}

        await eventually(is_swept)
        assert (await admin.get(f"/api/v1/inspections/{done['id']}/")).status_code == 404
        assert (await admin.get(f"/api/v1/inspections/{waiting['id']}/")).status_code == 200
        assert (await keyed.get(f"/api/v1/webhooks/images/{old}/")).status_code == 404
        assert (await keyed.get(f"/api/v1/webhooks/images/{needed}/")).status_code == 200
        await node.stop()
