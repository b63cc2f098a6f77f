"""The main job: a picture goes in at the gateway, what was found comes out."""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gemba_local.mesh import LocalMesh
from tests.conftest import Caller
from tests.patience import PATIENCE_S
from tests.system.conftest import Inspector, chain
from tests.system.pictures import THREE_SQUARES, assemble, png

DEMO = Path(__file__).parents[2] / "demo"


async def test_the_demo_finds_three_caps_and_saves_the_overlay(
    mesh: LocalMesh, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(DEMO / "first_inspection.py"),
        f"--out={tmp_path}",
        env={**os.environ, "GEMBA_DATA_DIR": str(mesh.data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, progress = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, progress
    assert out.startswith(b"3 caps found in ")
    assert b"completed" in progress
    overlay = tmp_path / "bottles-overlay.jpg"
    assert str(overlay).encode() in out
    assert overlay.read_bytes()[:3] == b"\xff\xd8\xff"


async def test_known_squares_are_counted_and_placed(inspector: Inspector) -> None:
    image_id = await inspector.upload(png(200, 160))
    pipeline = chain(image_id, ("blob_detection", {"min_area": 100, "threshold": 128}))
    record = await inspector.until((await inspector.start(pipeline))["id"])
    assert record["status"] == "completed", record["error_message"]
    results = record["results"]
    assert results["blob_count"] == 3
    found = {
        (b["x"], b["y"], b["width"], b["height"], b["area"]) for b in results["blob_locations"]
    }
    assert found == {(x, y, side, side, side * side) for x, y, side in THREE_SQUARES}
    assert results["processing_time"] > 0
    assert 0 <= results["confidence_score"] <= 1
    assert results["tools"]["blob_detection_0"]["time_ms"] >= 0
    assert record["attempts"][0]["outcome"] == "completed"


@pytest.mark.parametrize(
    ("tool", "parameters", "measured"),
    [
        ("edge_detection", {"method": "canny"}, {"edge_pixels", "edge_ratio"}),
        ("edge_detection", {"method": "sobel"}, {"edge_pixels", "edge_ratio"}),
        (
            "color_filter",
            {"color_space": "bgr", "lower": [200, 200, 200], "upper": [255, 255, 255]},
            {"area_pixels", "area_ratio", "regions"},
        ),
    ],
)
async def test_the_other_tools_measure_what_the_contract_names(
    inspector: Inspector, tool: str, parameters: dict[str, object], measured: set[str]
) -> None:
    image_id = await inspector.upload(png(200, 160))
    started = await inspector.start(chain(image_id, (tool, parameters)))
    record = await inspector.until(started["id"])
    assert measured <= set(record["results"]), record
    if tool == "color_filter":
        area = sum(side * side for _, _, side in THREE_SQUARES)
        assert record["results"]["area_pixels"] == area
        assert len(record["results"]["regions"]) == 3


async def test_the_stream_tells_all_of_an_inspection_and_closes(
    mesh: LocalMesh, inspector: Inspector
) -> None:
    image_id = await inspector.upload(png(200, 160))
    pipeline = chain(image_id, ("blob_detection", {}))
    record = await inspector.start(pipeline, auto_distribute=False)
    url = f"{mesh.url.replace('http', 'ws')}/ws/inspections/{record['id']}?overlay=jpeg"
    token = inspector.client.headers["Authorization"]
    events, frames = [], []
    async with (
        asyncio.timeout(PATIENCE_S),
        connect(url, additional_headers={"Authorization": token}) as websocket,
    ):
        events.append(json.loads(await websocket.recv()))
        sent = await inspector.client.post(
            "/api/v1/orchestrator/distribute/", json={"inspection_id": record["id"]}
        )
        assert sent.status_code in (200, 202), sent.text
        try:
            async for message in websocket:
                if isinstance(message, bytes):
                    frames.append(message)
                else:
                    events.append(json.loads(message))
        except ConnectionClosed:
            pass
        assert websocket.close_code == 1000
    assert events[0]["type"] == "inspection_status"
    assert events[0]["data"]["status"] == "pending"
    assert events[-1]["data"]["status"] == "completed"
    assert {event["inspection_id"] for event in events} == {record["id"]}
    numbers = [event["seq"] for event in events[1:]]
    assert numbers == sorted(set(numbers))
    assert "tool_result" in {event["type"] for event in events}
    assert frames
    assert frames[0][:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xd8\xff\xe0" + b"no picture" * 40, "JPEG"),
        ((DEMO / "pictures" / "bottles.jpg").read_bytes()[:9000], "cut short"),
        (assemble(30_000, 30_000, content=bytes(1000)), "30000 × 30000"),
    ],
    ids=["no picture", "cut short", "far too large"],
)
async def test_a_bad_picture_is_a_failed_inspection_with_a_reason(
    inspector: Inspector, content: bytes, said: str
) -> None:
    image_id = await inspector.upload(content)
    started = await inspector.start(chain(image_id, ("blob_detection", {})))
    record = await inspector.until(started["id"])
    assert record["status"] == "failed"
    assert record["error_message"].startswith("image_source: ")
    assert said in record["error_message"]
    # Nobody's fault but the picture's: another try would end alike.
    assert record["attempt_count"] == 1


async def test_what_is_no_picture_at_all_is_refused_at_the_upload(
    inspector: Inspector,
) -> None:
    for content in (b"", b"hello", b"%PDF-1.7", bytes(100)):
        answer = await inspector.client.post("/api/v1/images/", files={"file": ("a.jpg", content)})
        assert answer.status_code == 400
        assert "'file'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"pipeline_config": None}, 400, "pipeline_config"),
        ({"priority": 11}, 400, "priority"),
        ({"priority": "urgent"}, 400, "priority"),
        ({"name": 7}, 400, "name"),
        ({"target_machine_id": "mv_000000000000"}, 422, "target_machine_id"),
    ],
)
async def test_a_bad_inspection_names_the_field(
    inspector: Inspector, change: dict[str, object], status: int, named: str
) -> None:
    image_id = await inspector.upload(png(200, 160))
    body = {
        "name": "bad",
        "inspection_type": "blob_detection",
        "pipeline_config": chain(image_id, ("blob_detection", {})),
    }
    answer = await inspector.client.post("/api/v1/inspections/", json=body | change)
    assert answer.status_code == status, answer.text
    assert named in answer.text


@pytest.mark.parametrize(
    ("tool", "parameters", "named"),
    [
        ("no_such_tool", {}, "no_such_tool"),
        ("blob_detection", {"min_area": -1}, "min_area"),
        ("blob_detection", {"colour": "red"}, "colour"),
    ],
)
async def test_a_pipeline_that_cannot_run_is_422_and_names_tool_and_parameter(
    inspector: Inspector, tool: str, parameters: dict[str, object], named: str
) -> None:
    image_id = await inspector.upload(png(200, 160))
    body = {
        "name": "bad",
        "inspection_type": tool,
        "pipeline_config": chain(image_id, (tool, parameters)),
    }
    answer = await inspector.client.post("/api/v1/inspections/", json=body)
    assert answer.status_code == 422, answer.text
    assert named in str(answer.json()["error"]["details"])


async def test_a_viewer_may_look_but_not_inspect(user: Caller, inspector: Inspector) -> None:
    viewer: httpx.AsyncClient = await user("viewer")
    image_id = await inspector.upload(png(200, 160))
    started = await inspector.start(chain(image_id, ("blob_detection", {})))
    assert (await viewer.get(f"/api/v1/inspections/{started['id']}/")).status_code == 200
    body = {"name": "x", "inspection_type": "blob_detection",
            "pipeline_config": chain(image_id, ("blob_detection", {}))}  # fmt: skip
    assert (await viewer.post("/api/v1/inspections/", json=body)).status_code == 403
