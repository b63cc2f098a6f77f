"""A video as a live inspection, watched through the gateway until it is cancelled."""

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S
from tests.system.conftest import Inspector

BOLTS = Path(__file__).parents[2] / "demo" / "videos" / "bolt-multi-size-detection.gif"
PIPELINE = BOLTS.parents[1] / "pipelines" / "bolt_sorting.json"


def sorting(image_id: str, **source: Any) -> dict[str, Any]:
    """The ready-made pipeline on an uploaded video."""
    pipeline: dict[str, Any] = json.loads(PIPELINE.read_text())["pipeline_config"]
    (camera,) = [tool for tool in pipeline["tools"] if tool["name"] == "image_source"]
    camera["parameters"] = {"source_type": "video", "image_id": image_id, **source}
    return pipeline


async def test_an_uploaded_video_is_sorted_frame_by_frame(inspector: Inspector) -> None:
    image_id = await inspector.upload(BOLTS.read_bytes(), BOLTS.name)
    started = await inspector.start(sorting(image_id))
    record = await inspector.until(started["id"])
    assert record["status"] == "completed", record["error_message"]
    summary = record["results"]["summary"]
    assert (summary["frames"], summary["failed_frames"]) == (37, 0)
    assert summary["measures"]["total"]["max"] == 1
    assert [part["name"] for part in record["artifacts"]] == ["overlay.jpg"]


async def test_a_live_inspection_is_watched_with_pictures_until_it_is_cancelled(
    mesh: LocalMesh, inspector: Inspector
) -> None:
    image_id = await inspector.upload(BOLTS.read_bytes(), BOLTS.name)
    record = await inspector.start(sorting(image_id, loop=True, max_fps=10))
    await inspector.until(record["id"], ("processing",))
    url = f"{mesh.url.replace('http', 'ws')}/ws/inspections/{record['id']}?overlay=jpeg"
    token = inspector.client.headers["Authorization"]
    events, pictures = list[dict[str, Any]](), list[bytes]()
    async with (
        asyncio.timeout(PATIENCE_S),
        connect(url, additional_headers={"Authorization": token}, max_size=2**24) as websocket,
    ):
        try:
            async for message in websocket:
                if isinstance(message, bytes):
                    # A picture comes after the event that it belongs to.
                    assert events[-1]["type"] == "frame_result"
                    assert events[-1]["data"]["overlay_artifact"].startswith("frame-")
                    pictures.append(message)
                else:
                    events.append(json.loads(message))
                if len(pictures) == 5:
                    await inspector.client.post(f"/api/v1/inspections/{record['id']}/cancel/")
        except ConnectionClosed:
            pass
        assert websocket.close_code == 1000
    assert all(picture.startswith(b"\xff\xd8\xff") for picture in pictures)
    frames = [event["data"]["frame"] for event in events if event["type"] == "frame_result"]
    assert frames
    places = [frame["index"] for frame in frames]
    assert places == sorted(places)
    assert events[-1]["data"]["status"] == "cancelled"


async def test_a_pipeline_of_every_kind_of_tool_is_valid_for_the_orchestrator(
    inspector: Inspector,
) -> None:
    answer = await inspector.client.get("/api/v1/tools/")
    tools = answer.json()["tools"]
    assert len(tools) >= 39
    for tool in tools:
        judged = await inspector.client.post(
            "/api/v1/pipelines/validate/", json={"pipeline_config": tool["example"]}
        )
        assert judged.json() == {"valid": True, "errors": []}, tool["name"]
