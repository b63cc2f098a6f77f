from pathlib import Path

import pytest

from common.schemas.vision import PipelineConfig
from tests.vision_node.mesh_stub import Mesh
from tests.vision_node.node_process import node_process
from tests.vision_node.test_node import PNG, on_upload
from vision_node.runtime.admission import Admission, RunningMeans, kind_of
from vision_node.runtime.live import ShareOfThread


def pipeline(image_id: str = "img_1", min_area: int = 100) -> PipelineConfig:
    config = on_upload(image_id)
    config["tools"][1]["parameters"]["min_area"] = min_area
    return PipelineConfig.model_validate(config)


@pytest.fixture
def admission() -> Admission:
    return Admission(threads=2, max_wait_s=1.0)


def test_pipelines_of_one_kind_differ_only_in_their_pictures() -> None:
    assert kind_of(pipeline("img_1")) == kind_of(pipeline("img_2"))
    assert kind_of(pipeline()) != kind_of(pipeline(min_area=101))


def test_what_was_never_measured_is_let_in(admission: Admission) -> None:
    for number in range(50):
        assert admission.refusal("new", is_live=False) is None
        admission.begin(f"ins_{number}", "new", is_live=False)
    assert admission.wait_s == 0


def test_pictures_are_refused_when_the_next_would_wait_too_long(admission: Admission) -> None:
    admission.measured_picture("slow", 0.9)
    admitted = 0
    while admission.refusal("slow", is_live=False) is None:
        admission.begin(f"ins_{admitted}", "slow", is_live=False)
        admitted += 1
    # Two threads: two of them run, and a third would wait for 0.9 s; the fourth for longer than 1.
    assert admitted == 3
    assert "wait for 1.4 s" in (admission.refusal("slow", is_live=False) or "")
    admission.end("ins_0")
    assert admission.refusal("slow", is_live=False) is None


def test_a_stream_counts_as_a_whole_thread_until_it_has_shown_its_cost(
    admission: Admission,
) -> None:
    admission.begin("live_1", "watch", is_live=True)
    admission.begin("live_2", "other", is_live=True)
    assert "streams take 2.0 of 2 threads" in (admission.refusal("more", is_live=True) or "")
    admission.measured_stream("live_1", 0.2)
    admission.measured_stream("live_2", 0.3)
    assert admission.refusal("more", is_live=True) is None
    assert admission.stream_threads == pytest.approx(0.5)


def test_a_stream_whose_kind_is_known_to_be_too_much_is_refused(admission: Admission) -> None:
    admission.begin("live_1", "heavy", is_live=True)
    admission.measured_stream("live_1", 1.0)
    assert admission.refusal("heavy", is_live=True) is not None
    assert admission.refusal("unknown", is_live=True) is None
    admission.end("live_1")
    assert admission.refusal("heavy", is_live=True) is None, "an idle node takes anything"


def test_streams_make_pictures_wait_longer(admission: Admission) -> None:
    admission.measured_picture("slow", 0.9)
    admission.begin("ins_1", "slow", is_live=False)
    alone_s = admission.wait_s
    admission.begin("live_1", "watch", is_live=True)
    assert admission.wait_s == pytest.approx(2 * alone_s)


def test_means_follow_the_newest_figures_and_forget_old_kinds() -> None:
    means = RunningMeans()
    for value in (1.0, *[2.0] * 20):
        means.add("a", value)
    assert means.get("a") == pytest.approx(2.0, abs=0.01)
    for number in range(1000):
        means.add(f"kind_{number}", 1.0)
    assert means.get("a") is None
    assert means.get("kind_999") == 1.0


def test_a_streams_share_is_its_time_in_a_thread_over_the_clocks() -> None:
    now, told = [0.0], list[float]()
    share = ShareOfThread(told.append, clock=lambda: now[0])
    for _ in range(16):
        now[0] += 0.125
        share.add(0.03125)
    assert told == [0.25, 0.25]


async def test_a_node_refuses_what_would_wait_too_long(tmp_path: Path) -> None:
    settings = {"GEMBA_MAX_WAIT_S": "0.0001", "GEMBA_MAX_CONCURRENT_INSPECTIONS": "50"}
    async with Mesh().serving() as mesh, node_process(mesh, tmp_path, **settings) as node:
        mesh.images["img_1"] = PNG
        assert await node.push("ins_1", on_upload("img_1")) == 202
        await mesh.until(lambda: len(mesh.results) == 1)
        mesh.images_open.clear()
        mesh.images["img_2"] = PNG
        pushed = [await node.push(f"ins_{number}", on_upload("img_2")) for number in range(2, 5)]
        assert pushed[0] == 202
        assert pushed[-1] == 409
        text = (await node.http.get("/metrics")).text
        assert 'vision_admission_refused_total{reason="cost"}' in text
        mesh.images_open.set()
        await mesh.until(lambda: len(mesh.results) == 1 + pushed.count(202))
        assert await node.push("ins_9", on_upload("img_2")) == 202
