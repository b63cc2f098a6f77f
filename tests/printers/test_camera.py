"""A camera is looked at by the mesh's own vision node, and its verdicts become one score."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gemba_local.mesh import LocalMesh
from printers.verdicts import pipeline_for, sign_of, smoothed
from tests.callers import calling
from tests.patience import eventually
from tests.printers.conftest import Owner, enqueue, register
from tests.printers.moonraker_host import MoonrakerHost
from tests.printers.test_moonraker import begin, newest, shows

PICTURE = Path(__file__).parents[2] / "services/vision-node/src/vision_node/samples/blobs.png"
BLOBS: dict[str, Any] = {
    "tools": [
        {
            "name": "blob_detection",
            "parameters": {"min_area": 50, "max_area": 100000, "threshold": 128},
        }
    ],
    "connections": [],
}


@pytest.fixture
async def snapshot_url() -> AsyncIterator[str]:
    """A camera that always shows the same."""
    picture = PICTURE.read_bytes()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(picture)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + picture)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/snapshot"


async def test_a_camera_becomes_a_score_and_one_alert(
    mesh: LocalMesh, admin_of_mesh: httpx.AsyncClient, snapshot_url: str
) -> None:
    client = admin_of_mesh
    body = {
        "printer_id": f"CAM-{secrets.token_hex(4)}",
        "name": "Com câmera",
        "camera": {
            "snapshot_url": snapshot_url,
            "pipeline_config": BLOBS,
            "inspection_type": "blob_detection",
            "score_field": "blob_count",
            "score_full": 1,
            "interval_seconds": 1,
            "threshold": 0.2,
        },
    }
    made = await client.post("/api/printers", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["camera"]["auto_pause"] is False
    path = f"/api/printers/{body['printer_id']}"
    async with calling(mesh.url) as stranger:
        owner = Owner(stranger, made.json()["printer_id"], made.json()["api_key"])
        job_id = await owner.start(await enqueue(client))
        await owner.update(job_id, status="printing", progress=10)
        assert (await client.get(path)).json()["camera_score"] is None

        async def is_feared() -> dict[str, Any] | None:
            shown: dict[str, Any] = (await client.get(path)).json()
            return shown if (shown["camera_score"] or 0) >= 0.2 else None

        shown = await eventually(is_feared, what="a score")
        assert shown["camera_score"] > 0.15, "more than one picture"
        alerts = (await client.get(f"{path}/alerts?open=true")).json()
        assert [one["kind"] for one in alerts] == ["print_failure_suspected"]
        assert (await owner.update(job_id, progress=11))["status"] == "printing"
        await owner.update(job_id, status="completed")


async def test_a_feared_failure_pauses_the_print_where_that_is_wanted(
    admin_of_mesh: httpx.AsyncClient, snapshot_url: str
) -> None:
    client, host = admin_of_mesh, MoonrakerHost()
    await host.start()
    printer = await register(
        client,
        driver="moonraker",
        url=host.url,
        camera={
            "snapshot_url": snapshot_url,
            "pipeline_config": BLOBS,
            "inspection_type": "blob_detection",
            "score_field": "blob_count",
            "score_full": 1,
            "interval_seconds": 1,
            "threshold": 0.1,
            "auto_pause": True,
        },
    )
    try:
        await shows(client, printer["printer_id"], status="idle")
        await begin(host)
        await newest(client, printer["printer_id"], "printing")

        async def is_paused() -> bool:
            return bool(host.objects["print_stats"]["state"] == "paused")

        await eventually(is_paused, what="a pause")
        await shows(client, printer["printer_id"], status="paused")
        given = (await client.get(f"/api/printers/{printer['printer_id']}/commands")).json()
        found = given["results"] if isinstance(given, dict) else given
        assert [one["command"] for one in found] == ["pause"]
    finally:
        await client.delete(f"/api/printers/{printer['printer_id']}")
        await host.stop()


def test_one_odd_picture_is_not_enough() -> None:
    score = smoothed(None, 1.0)
    assert score < 0.2
    for _ in range(30):
        score = smoothed(score, 1.0)
    assert score > 0.95
    for _ in range(30):
        score = smoothed(score, 0.0)
    assert score < 0.05


def test_a_sign_is_found_by_its_path() -> None:
    results = {"blob_count": 3, "tools": {"t": {"score": 0.4}}, "flag": True}
    assert sign_of(results, "blob_count", full=10) == 0.3
    assert sign_of(results, "tools.t.score", full=1) == 0.4
    assert sign_of(results, "blob_count", full=1) == 1
    for missing in ("nothing", "tools", "tools.x.score", "flag", ""):
        assert sign_of(results, missing, full=1) is None


def test_a_pipeline_gets_its_source() -> None:
    made = pipeline_for(BLOBS, "img_1")
    assert made["tools"][0]["parameters"] == {"source_type": "upload", "image_id": "img_1"}
    assert made["connections"] == [{"from": "image_source", "to": "blob_detection"}]
    own = {
        "tools": [{"name": "image_source", "id": "s", "parameters": {"source_type": "camera"}}],
        "connections": [],
    }
    assert pipeline_for(own, "img_2")["tools"][0]["parameters"]["image_id"] == "img_2"
