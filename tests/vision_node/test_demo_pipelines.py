import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.vision_node.mesh_stub import Mesh
from tests.vision_node.node_process import NodeProcess, node_process

DEMO = Path(__file__).parents[2] / "demo"


THINNED = 10


def thin(source: Path, target: Path) -> None:
    """Every tenth frame of a video, under the same name."""
    film = cv2.VideoCapture(str(source))
    form = cv2.VideoWriter.fourcc(*"MJPG")
    video = cv2.VideoWriter(str(target.with_suffix(".avi")), form, 30, (640, 360))
    for number in itertools.count():
        is_read, picture = film.read()
        if not is_read:
            break
        if number % THINNED == 0:
            video.write(picture)
    video.release()
    target.with_suffix(".avi").rename(target)


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NodeProcess]:
    folder, films = tmp_path_factory.mktemp("node"), tmp_path_factory.mktemp("films")
    bolts, bottles = "bolt-multi-size-detection.gif", "bottle-detection.mp4"
    shutil.copy(DEMO / "videos" / bolts, films / bolts)
    thin(DEMO / "videos" / bottles, films / bottles)
    settings = {"GEMBA_IMAGE_FOLDERS": str(films)}
    async with Mesh().serving() as mesh, node_process(mesh, folder, **settings) as node:
        yield node


async def results_of(node: NodeProcess, name: str) -> dict[str, Any]:
    node.mesh.forget()
    body = json.loads((DEMO / "pipelines" / f"{name}.json").read_text())
    assert await node.push("ins_1", body["pipeline_config"]) == 202
    await node.mesh.until(lambda: node.mesh.results)
    report = node.mesh.results[0]
    assert report.error_message is None
    assert report.status == "completed"
    return report.results or {}


async def test_the_bolt_on_the_conveyor_is_sorted_by_its_length(node: NodeProcess) -> None:
    results = await results_of(node, "bolt_sorting")
    assert results["summary"]["frames"] == 37
    frames = [event.data for event in node.mesh.events]
    sorted_frames = [frame for frame in frames if frame["total"]]
    # Wholly in sight on some twenty frames, always one, always long.
    assert 17 <= len(sorted_frames) <= 22
    assert {json.dumps(frame["classes"]) for frame in sorted_frames} == {
        '{"short": 0, "medium": 0, "long": 1}'
    }
    lengths = [frame["items"][0]["length"] for frame in sorted_frames]
    assert max(lengths) - min(lengths) < 6


async def test_bottles_are_missed_where_they_are_taken_away(node: NodeProcess) -> None:
    results = await results_of(node, "bottle_presence")
    summary = results["summary"]
    assert summary["frames"] == 119
    assert summary["failed_frames"] == 0
    assert 38 <= summary["true_counts"]["passed"] <= 50
    assert summary["measures"]["true_count"]["min"] == 1
    by_index = {event.data["frame"]["index"]: event.data["passed"] for event in node.mesh.events}
    known = {0: True, 30: False, 70: False, 100: False}
    assert {index: by_index[index] for index in known if index in by_index}.items() <= known.items()
