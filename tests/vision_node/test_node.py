import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from common.schemas.mesh import RESTART_EXIT_CODE
from common.schemas.vision import HeartbeatReceipt
from tests.callers import calling
from tests.patience import PATIENCE_S
from tests.vision_node.mesh_stub import Mesh, assignment
from tests.vision_node.node_process import NodeProcess, node_process
from vision_node import tools as tool_package
from vision_node.pipeline.catalogue import discover
from vision_node.sources.decoding import decode
from vision_node.sources.drawing import BLOBS, draw_blobs
from vision_node.tools.blob_detection import BlobDetection

TOOLS = discover(tool_package)
PNG = cv2.imencode(".png", draw_blobs())[1].tobytes()


def on_upload(image_id: str) -> dict[str, Any]:
    source = {"source_type": "upload", "image_id": image_id}
    return {
        "tools": [
            {"name": "image_source", "parameters": source},
            {"name": "blob_detection", "parameters": {"min_area": 100}},
        ],
        "connections": [{"from": "image_source", "to": "blob_detection"}],
    }


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NodeProcess]:
    folder = tmp_path_factory.mktemp("node")
    async with Mesh().serving() as mesh, node_process(mesh, folder) as node:
        yield node


@pytest.fixture
async def node(shared: NodeProcess) -> AsyncIterator[NodeProcess]:
    """The node of this file, idle, and its mesh, which has forgotten the tests before."""
    shared.mesh.forget()
    yield shared
    shared.mesh.images_open.set()
    async with asyncio.timeout(PATIENCE_S):
        while await is_at_work(shared):  # the node is another process
            await asyncio.sleep(0.01)


async def is_at_work(node: NodeProcess) -> bool:
    state = (await node.http.get("/internal/inspections")).json()
    return bool(state["running"] or state["unsent_results"])


@pytest.fixture
def mesh(node: NodeProcess) -> Mesh:
    return node.mesh


@pytest.fixture
async def own_node(tmp_path: Path) -> AsyncIterator[NodeProcess]:
    """A node that the test may kill."""
    async with (
        Mesh().serving() as mesh,
        node_process(mesh, tmp_path, GEMBA_DRAIN_TIMEOUT_S="4") as node,
    ):
        yield node


async def test_a_node_introduces_itself_with_what_it_is_and_can(
    mesh: Mesh, node: NodeProcess
) -> None:
    machine = mesh.machines[0]
    assert (machine.name, machine.port) == ("MV-Test", node.port)
    assert machine.max_concurrent_inspections == 2
    assert "blob_detection" in machine.supported_inspection_types
    assert {tool.name for tool in machine.tools} >= {"image_source", "edge_detection"}
    assert machine.hardware_specs["cores"] >= 1
    assert machine.hardware_specs["benchmark"]["decode_jpeg_1080p_ms"] > 0
    assert machine.hardware_specs["benchmark"]["people_detection_1080p_cpu_ms"] > 0
    assert machine.hardware_specs["onnx_provider"] == "cpu"
    specs = machine.hardware_specs
    assert (specs["gpu"] is None) == bool(specs["gpu_reason"])
    info = mesh.heartbeats[0].system_info
    assert info.memory_usage is not None
    assert 0 < info.memory_usage <= 100
    assert (await node.http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("name", sorted(TOOLS))
async def test_every_tools_example_is_run_and_reported_with_its_overlay(
    mesh: Mesh, node: NodeProcess, name: str
) -> None:
    assert await node.push("ins_1", TOOLS[name].example) == 202
    await mesh.until(lambda: mesh.results)
    report = mesh.results[0]
    assert report.error_message is None
    assert (report.status, report.attempt, report.lease_token) == ("completed", 1, "lease-ins_1")
    assert report.results is not None
    assert report.results["processing_time"] > 0
    assert report.results["timing"]["wait_ms"] > 0
    drawn = mesh.artifacts["ins_1", "overlay.jpg"]
    assert report.artifacts[0].size_bytes == len(drawn)
    assert min(decode(drawn).shape[:2]) >= 480
    assert [event.data["tool"] for event in mesh.events] == [*report.results["tools"]]
    assert [sent.status for sent in mesh.reports] == ["processing", "completed"]


async def test_an_upload_is_fetched_once_for_all_its_inspections(
    mesh: Mesh, node: NodeProcess
) -> None:
    mesh.images["img_10"] = PNG
    for number in range(2):
        assert await node.push(f"ins_{number}", on_upload("img_10")) == 202
    await mesh.until(lambda: len(mesh.results) == 2)
    assert mesh.image_requests == ["img_10"]
    assert {report.results["blob_count"] for report in mesh.results if report.results} == {
        len(BLOBS)
    }


@pytest.mark.parametrize(
    ("image", "words"),
    [(b"no picture", "no picture"), (PNG[:700], "cut short"), (None, "no uploaded image")],
)
async def test_a_picture_that_cannot_be_read_fails_the_inspection_in_words(
    mesh: Mesh, node: NodeProcess, image: bytes | None, words: str
) -> None:
    image_id = f"img_{words.replace(' ', '_')}"
    if image is not None:
        mesh.images[image_id] = image
    await node.push("ins_1", on_upload(image_id))
    await mesh.until(lambda: mesh.results)
    report = mesh.results[0]
    assert report.status == "failed"
    assert words in (report.error_message or "")
    assert report.results == {"failed_tool": "image_source", "failed_parameter": "image_id"}


async def test_a_pipeline_that_cannot_be_compiled_fails_with_all_its_problems(
    mesh: Mesh, node: NodeProcess
) -> None:
    config = on_upload("img_1")
    config["tools"][1]["parameters"] = {"threshold": 999, "colour": 1}
    assert await node.push("ins_1", config) == 202
    await mesh.until(lambda: mesh.results)
    assert mesh.results[0].status == "failed"
    found = (mesh.results[0].results or {})["problems"]
    assert [problem["parameter"] for problem in found] == ["colour", "threshold"]


async def test_only_the_orchestrator_may_push(mesh: Mesh, node: NodeProcess) -> None:
    body = assignment("ins_1", BlobDetection.example)
    for authorization, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": f"Bearer {mesh.token('admin')}"}, 403),
    ):
        async with calling(node.http.base_url) as stranger:
            answer = await stranger.post("/internal/inspections", json=body, headers=authorization)
            assert answer.status_code == status
            assert (await stranger.get("/internal/inspections")).status_code == 401
    assert mesh.reports == []


async def test_a_malformed_assignment_and_another_machines_are_refused(node: NodeProcess) -> None:
    answer = await node.http.post("/internal/inspections", json={"inspection_id": "x"})
    assert answer.status_code in (400, 422)
    body = {**assignment("ins_1", BlobDetection.example), "machine_id": "mv_other"}
    assert (await node.http.post("/internal/inspections", json=body)).status_code == 409


async def test_a_full_node_refuses_further_work_and_tells_when_there_is_room(
    mesh: Mesh, node: NodeProcess
) -> None:
    mesh.images["img_11"] = PNG
    mesh.images_open.clear()
    assert await node.push("ins_1", on_upload("img_11")) == 202
    assert await node.push("ins_2", on_upload("img_11")) == 202
    assert await node.push("ins_2", on_upload("img_11")) == 202  # the same lease again
    assert await node.push("ins_3", on_upload("img_11")) == 409
    await mesh.until(lambda: mesh.heartbeats[-1].current_inspections == 2)
    assert mesh.heartbeats[-1].status == "busy"
    held = {lease.inspection_id: lease.token for lease in mesh.heartbeats[-1].leases}
    assert held == {"ins_1": "lease-ins_1", "ins_2": "lease-ins_2"}
    mesh.images_open.set()
    await mesh.until(lambda: len(mesh.results) == 2)
    await mesh.until(
        lambda: (
            mesh.heartbeats[-1].current_inspections == 0
            or (mesh.statuses and mesh.statuses[-1].current_inspections == 0)
        )
    )
    assert await node.push("ins_3", on_upload("img_11")) == 202


@pytest.mark.parametrize("by", ["heartbeat", "call"])
async def test_a_cancelled_inspection_is_reported_as_such(
    mesh: Mesh, node: NodeProcess, by: str
) -> None:
    mesh.images[by] = PNG
    mesh.images_open.clear()
    await node.push("ins_1", on_upload(by))
    await mesh.until(lambda: mesh.image_requests)
    if by == "call":
        assert (await node.http.delete("/internal/inspections/ins_1")).status_code == 204
        assert (await node.http.delete("/internal/inspections/ins_9")).status_code == 204
    else:
        heard = len(mesh.heartbeats)
        mesh.next_receipts = [HeartbeatReceipt(cancelled=["ins_1", "ins_9"])]
        await mesh.until(lambda: len(mesh.heartbeats) > heard + 1)
    mesh.images_open.set()
    await mesh.until(lambda: mesh.results)
    assert mesh.results[0].status == "cancelled"


async def test_work_whose_lease_is_lost_is_dropped_and_a_new_lease_begins_anew(
    mesh: Mesh, node: NodeProcess
) -> None:
    mesh.images["img_13"] = PNG
    mesh.images_open.clear()
    await node.push("ins_1", on_upload("img_13"))
    await mesh.until(lambda: mesh.heartbeats[-1].leases)
    mesh.next_receipts = [HeartbeatReceipt(lost=["ins_1"])]
    await mesh.until(lambda: not mesh.heartbeats[-1].leases)
    assert await node.push("ins_1", on_upload("img_13"), token="second", attempt=2) == 202
    mesh.images_open.set()
    await mesh.until(lambda: mesh.results)
    assert [(report.lease_token, report.attempt) for report in mesh.results] == [("second", 2)]


async def test_a_result_outlives_an_orchestrator_that_is_away_and_a_killed_node(
    own_node: NodeProcess,
) -> None:
    node, mesh = own_node, own_node.mesh
    mesh.images["img_1"] = PNG
    mesh.images_open.clear()
    await node.push("ins_1", on_upload("img_1"))
    await mesh.until(lambda: mesh.image_requests)
    mesh.images_open.set()
    mesh.is_away = True
    spool = node.folder / "vision-node" / "MV-Test" / "spool"
    # A name that begins with a dot is still being written.
    await mesh.until(lambda: [*spool.glob("[0-9]*-ins_1")])
    await node.end(signal.SIGKILL)
    assert mesh.results == []
    mesh.is_away = False
    await node.start()
    await mesh.until(lambda: mesh.results)
    report = mesh.results[0]
    assert (report.status, report.lease_token) == ("completed", "lease-ins_1")
    assert ("ins_1", "overlay.jpg") in mesh.artifacts
    assert [machine.name for machine in mesh.machines] == ["MV-Test", "MV-Test"]
    await mesh.until(lambda: not mesh.heartbeats[-1].leases)
    assert [*spool.iterdir()] == []


async def test_a_result_that_is_refused_for_good_is_set_aside(
    mesh: Mesh, node: NodeProcess
) -> None:
    mesh.refuses_results = 404
    await node.push("ins_1", BlobDetection.example)
    refused = node.folder / "vision-node" / "MV-Test" / "refused"
    await mesh.until(lambda: [*refused.glob("*-ins_1")])
    mesh.refuses_results = None
    await node.push("ins_2", BlobDetection.example)
    await mesh.until(lambda: mesh.results)
    assert [report.inspection_id for report in mesh.results] == ["ins_2"]


async def test_a_deleted_machine_registers_again(own_node: NodeProcess) -> None:
    mesh = own_node.mesh
    mesh.machine_id = "mv_000000000002"
    await mesh.until(lambda: mesh.heartbeats[-1].machine_id == "mv_000000000002")
    assert len(mesh.machines) == 2


async def test_a_node_finds_its_gateway_again(mesh: Mesh, node: NodeProcess) -> None:
    mesh.is_away = True
    await node.push("ins_1", BlobDetection.example)
    mesh.is_away = False
    await mesh.until(lambda: mesh.results)
    heard = len(mesh.heartbeats)
    await mesh.until(lambda: len(mesh.heartbeats) > heard)


async def test_a_stopped_node_finishes_what_it_holds(own_node: NodeProcess) -> None:
    node, mesh = own_node, own_node.mesh
    for number in range(2):
        await node.push(f"ins_{number}", BlobDetection.example)
    assert await node.end(signal.SIGTERM) == -signal.SIGTERM
    assert len(mesh.results) == 2
    assert mesh.heartbeats[-1].status == "offline"


async def test_a_stopped_node_gives_back_what_it_cannot_finish(own_node: NodeProcess) -> None:
    node, mesh = own_node, own_node.mesh
    mesh.images_open.clear()
    await node.push("ins_1", on_upload("img_1"))
    await mesh.until(lambda: mesh.image_requests)
    await node.end(signal.SIGTERM)
    assert (mesh.heartbeats[-1].status, mesh.heartbeats[-1].leases) == ("offline", [])
    assert mesh.results == []


async def test_metrics_are_scraped_and_the_key_is_in_no_log(mesh: Mesh, node: NodeProcess) -> None:
    await node.push("ins_1", BlobDetection.example)
    await mesh.until(lambda: mesh.results)
    text = (await node.http.get("/metrics")).text
    labels = 'node="MV-Test",pipeline="blob_detection",tool="blob_detection"'
    assert f"vision_tool_duration_seconds_count{{{labels}}}" in text
    labels = 'node="MV-Test",pipeline="blob_detection",status="completed"'
    assert f"vision_inspection_duration_seconds_count{{{labels}}}" in text
    assert "vision_inspections_running" in text
    assert "sk_live_k" not in node.log()


async def test_a_node_told_to_restart_ends_with_the_code_that_says_so(tmp_path: Path) -> None:
    async with Mesh().serving() as mesh, node_process(mesh, tmp_path) as node:
        for _ in range(2):
            assert (await node.http.post("/internal/restart")).status_code == 202
        assert await node.wait() == RESTART_EXIT_CODE
        assert mesh.heartbeats[-1].status == "offline"
        stranger = {"Authorization": f"Bearer {mesh.token('admin')}"}
        await node.start()
        assert (await node.http.post("/internal/restart", headers=stranger)).status_code == 403


async def test_after_the_last_heartbeat_comes_no_other(own_node: NodeProcess) -> None:
    """One that is on its way would bring the machine back, with leases that nobody holds."""
    mesh = own_node.mesh
    mesh.is_slow_with_the_living = True
    await mesh.until(lambda: mesh.beats_under_way == 1)
    assert await own_node.end(signal.SIGINT) == 0
    await mesh.until(lambda: mesh.beats_under_way == 0)
    assert mesh.heartbeats[-1].status == "offline"


async def test_a_nodes_log_lines_reach_the_mesh_and_it_obeys_the_level(tmp_path: Path) -> None:
    async with Mesh().serving() as mesh, node_process(mesh, tmp_path) as node:
        await mesh.until(
            lambda: any("registered as" in one.message for sent in mesh.logs for one in sent.lines)
        )
        assert {sent.machine_id for sent in mesh.logs} == {mesh.machine_id}
        mesh.next_receipts = [HeartbeatReceipt(log_level="ERROR")]
        await mesh.until(lambda: not mesh.next_receipts)
        heard = len(mesh.heartbeats)
        await mesh.until(lambda: len(mesh.heartbeats) > heard + 1)
        before = node.log()
        await node.http.get("/internal/inspections")
        assert node.log() == before
