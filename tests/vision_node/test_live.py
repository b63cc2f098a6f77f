import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from common.schemas.vision import HeartbeatReceipt
from tests.vision_node.mesh_stub import Mesh
from tests.vision_node.node_process import NodeProcess, node_process
from vision_node.sources.decoding import decode

FRAMES = 12


def make_video(path: Path, *, frames: int = FRAMES, fps: float = 20) -> None:
    """A disc that moves; the frame's number is how many discs there are, modulo 3."""
    form = cv2.VideoWriter.fourcc(*"MJPG")
    video = cv2.VideoWriter(str(path), form, fps, (160, 120))
    for number in range(frames):
        picture = np.full((120, 160, 3), 30, np.uint8)
        for disc in range(number % 3 + 1):
            cv2.circle(picture, (30 + 45 * disc, 60), 15, (220, 220, 220), cv2.FILLED)
        video.write(picture)
    video.release()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_video(folder / "discs.avi")
    (folder / "text.avi").write_bytes(b"#EXTM3U\nhttp://127.0.0.1/secret.ts\n")
    return folder


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, films: Path
) -> AsyncIterator[NodeProcess]:
    folder = tmp_path_factory.mktemp("node")
    settings = {"GEMBA_IMAGE_FOLDERS": str(films), "GEMBA_MAX_CONCURRENT_INSPECTIONS": "4"}
    async with Mesh().serving() as mesh, node_process(mesh, folder, **settings) as node:
        yield node


@pytest.fixture
def node(shared: NodeProcess) -> NodeProcess:
    shared.mesh.forget()
    return shared


def watching(**source: Any) -> dict[str, Any]:
    """Count the discs of a moving picture."""
    return {
        "tools": [
            {"name": "image_source", "parameters": {"source_type": "video", **source}},
            {"name": "blob_detection", "parameters": {"min_area": 100}},
        ],
        "connections": [{"from": "image_source", "to": "blob_detection"}],
    }


async def test_a_video_is_inspected_frame_by_frame_and_ends_with_a_summary(
    node: NodeProcess,
) -> None:
    mesh = node.mesh
    assert await node.push("ins_1", watching(file_path="discs.avi")) == 202
    await mesh.until(lambda: mesh.results)
    report = mesh.results[0]
    assert report.status == "completed"
    assert report.results is not None
    summary = report.results["summary"]
    assert (summary["frames"], summary["dropped_frames"]) == (FRAMES, 0)
    blobs = summary["measures"]["blob_count"]
    assert (blobs["min"], blobs["max"], blobs["mean"], blobs["last"]) == (1, 3, 2, 3)
    seen = [event for event in mesh.events if event.type == "frame_result"]
    assert [event.data["frame"]["index"] for event in seen] == list(range(FRAMES))
    assert [event.data["blob_count"] for event in seen] == [1, 2, 3] * 4
    assert ("ins_1", "overlay.jpg") in mesh.artifacts
    assert mesh.frames == {}


async def test_an_uploaded_video_is_inspected_like_a_file(node: NodeProcess, films: Path) -> None:
    mesh = node.mesh
    mesh.images["vid_1"] = (films / "discs.avi").read_bytes()
    await node.push("ins_1", watching(image_id="vid_1"))
    await mesh.until(lambda: mesh.results)
    assert (mesh.results[0].results or {})["summary"]["frames"] == FRAMES


async def test_a_looping_video_runs_until_it_is_cancelled_and_holds_its_lease(
    node: NodeProcess,
) -> None:
    mesh = node.mesh
    await node.push("ins_1", watching(file_path="discs.avi", loop=True, max_fps=50))
    await mesh.until(lambda: len(mesh.events) > 2 * FRAMES)
    await mesh.until(lambda: mesh.heartbeats[-1].leases)
    assert mesh.heartbeats[-1].leases[0].token == "lease-ins_1"
    assert mesh.results == []
    mesh.next_receipts = [HeartbeatReceipt(cancelled=["ins_1"])]
    await mesh.until(lambda: mesh.results)
    assert mesh.results[0].status == "cancelled"
    assert (mesh.results[0].results or {})["summary"]["frames"] > 2 * FRAMES


async def test_who_watches_gets_pictures_and_nobody_else_costs_anything(node: NodeProcess) -> None:
    mesh = node.mesh
    await node.push("ins_1", watching(file_path="discs.avi", loop=True, max_fps=30))
    await mesh.until(lambda: len(mesh.events) > 5)
    assert mesh.frames == {}
    mesh.watched = ["ins_1"]
    await mesh.until(lambda: len(mesh.frames) > 3)
    named = [event.data.get("overlay_artifact") for event in mesh.events]
    (_, name), drawn = next(iter(mesh.frames.items()))
    await mesh.until(lambda: name in {e.data.get("overlay_artifact") for e in mesh.events})
    assert named[0] is None
    assert min(decode(drawn).shape[:2]) >= 480
    await node.http.delete("/internal/inspections/ins_1")
    await mesh.until(lambda: mesh.results)


async def test_a_policy_that_drops_counts_what_it_dropped_on_each_frame(node: NodeProcess) -> None:
    mesh = node.mesh
    slow = watching(file_path="discs.avi", loop=True, policy="drop_oldest", max_fps=240)
    slow["tools"][1] = {"name": "blur", "parameters": {"method": "median", "size": 99}}
    slow["connections"][0]["to"] = "blur"
    slow["tools"][0]["parameters"]["max_fps"] = None
    await node.push("ins_1", slow)
    await mesh.until(lambda: len(mesh.events) > 10)
    await node.http.delete("/internal/inspections/ins_1")
    await mesh.until(lambda: mesh.results)
    summary = (mesh.results[0].results or {})["summary"]
    told = [event.data["frame"] for event in mesh.events]
    assert told[-1]["dropped_total"] == sum(frame["dropped"] for frame in told)
    assert summary["dropped_frames"] >= told[-1]["dropped_total"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"file_path": "nothing.avi"}, "no such file"),
        ({"file_path": "../discs.avi"}, "no such file"),
        ({"file_path": "text.avi"}, "no video"),
        ({"source_type": "rtsp", "url": "rtsp://127.0.0.1:9/x"}, "not among those"),
        ({"source_type": "url", "url": "http://127.0.0.1:9/x"}, "not among those"),
        ({"source_type": "url", "url": "file:///etc/passwd"}, "must begin with"),
    ],
)
async def test_a_source_that_cannot_be_had_fails_in_words(
    node: NodeProcess, source: dict[str, Any], words: str
) -> None:
    mesh = node.mesh
    await node.push("ins_1", watching(**source))
    await mesh.until(lambda: mesh.results)
    assert mesh.results[0].status == "failed"
    assert words in (mesh.results[0].error_message or "")
    assert (mesh.results[0].results or {})["failed_tool"] == "image_source"


async def test_a_tool_that_fails_on_one_frame_does_not_end_the_stream(node: NodeProcess) -> None:
    mesh = node.mesh
    config = watching(file_path="discs.avi")
    config["tools"][1] = {
        "name": "crop",
        "parameters": {"x": 500, "y": 0, "width": 5, "height": 5},
    }
    config["connections"][0]["to"] = "crop"
    await node.push("ins_1", config)
    await mesh.until(lambda: mesh.results)
    # Here it fails on every frame: then the inspection has failed.
    assert mesh.results[0].status == "failed"
    assert (mesh.results[0].results or {})["failed_tool"] == "crop"
    assert len([event for event in mesh.events if "error" in event.data]) == FRAMES


async def test_streams_leave_room_for_single_pictures(node: NodeProcess) -> None:
    mesh = node.mesh
    for number in range(3):
        await node.push(f"live_{number}", watching(file_path="discs.avi", loop=True, max_fps=20))
    await mesh.until(lambda: len({event.inspection_id for event in mesh.events}) == 3)
    await node.push("ins_1", watching(file_path="discs.avi"))
    await mesh.until(lambda: mesh.results)
    assert mesh.results[0].inspection_id == "ins_1"
    for number in range(3):
        await node.http.delete(f"/internal/inspections/live_{number}")
    await mesh.until(lambda: len(mesh.results) == 4)


async def test_a_stopped_node_gives_its_streams_back_at_once(tmp_path: Path, films: Path) -> None:
    settings = {"GEMBA_IMAGE_FOLDERS": str(films)}
    async with Mesh().serving() as mesh, node_process(mesh, tmp_path, **settings) as node:
        await node.push("ins_1", watching(file_path="discs.avi", loop=True, max_fps=20))
        await mesh.until(lambda: mesh.events)
        began = asyncio.get_running_loop().time()
        await node.end(signal.SIGTERM)
        assert asyncio.get_running_loop().time() - began < 5
        assert mesh.results == []
