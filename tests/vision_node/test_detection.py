import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.patience import PATIENCE_S
from vision_node.detections import Detection, Detections
from vision_node.imaging import Image, as_pixels
from vision_node.inference.manifest import ModelError
from vision_node.inference.sessions import SHIPPED, Models, open_session, reason_against
from vision_node.pipeline.tool import ToolError
from vision_node.sources.decoding import decode
from vision_node.sources.drawing import BADGES, CODES, draw_badges, draw_codes
from vision_node.sources.samples import read_sample
from vision_node.tools.object_detection import ObjectDetection
from vision_node.tools.people_detection import PeopleDetection
from vision_node.tools.read_badges import ReadBadges
from vision_node.tools.read_codes import ReadCodes

PEOPLE = Image(decode(read_sample("people")))
SIDE = 64
# Two boxes of the class b that overlap, one of a, one too uncertain: cx, cy, width, height.
ROWS = np.array(
    [
        [32, 32, 20, 20, 0.05, 0.9],
        [33, 32, 20, 20, 0.05, 0.8],
        [10, 40, 8, 6, 0.7, 0.1],
        [50, 40, 8, 6, 0.2, 0.1],
    ],
    np.float32,
)


def saved(folder: Path, kind: str, table: np.ndarray, **manifest: Any) -> Models:
    """A model that sees the same whatever it is shown, and its manifest."""
    seen = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    given = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(table.shape))
    node = helper.make_node("Constant", [], ["output0"], value=numpy_helper.from_array(table))
    graph = helper.make_graph([node], "fixed", [seen], [given])
    opset = [helper.make_opsetid("", 17)]
    data = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    (folder / "fixed.onnx").write_bytes(data)
    described = {
        "name": "fixed",
        "file": "fixed.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "output": kind,
        "labels": ["a", "b"],
        "input": {"width": SIDE, "height": SIDE, "scale": 1 / 255},
        **manifest,
    }
    (folder / "fixed.json").write_text(json.dumps(described))
    assert onnx.__version__
    return Models([folder])


def tables(kind: str) -> np.ndarray:
    if kind == "yolov8":
        return np.ascontiguousarray(ROWS.T[None])
    if kind == "yolov5":
        certain = np.ones((len(ROWS), 1), np.float32)
        return np.concatenate([ROWS[:, :4], certain, ROWS[:, 4:]], axis=1)[None]
    half = ROWS[:, 2:4] / 2
    best = ROWS[:, 4:].argmax(axis=1)[:, None].astype(np.float32)
    corners = [ROWS[:, :2] - half, ROWS[:, :2] + half]
    return np.concatenate([*corners, ROWS[:, 4:].max(axis=1)[:, None], best], axis=1)[None]


@pytest.mark.parametrize("kind", ["yolov5", "yolov8", "yolo_end2end"])
def test_the_outputs_of_yolo_become_named_boxes_in_pixels(tmp_path: Path, kind: str) -> None:
    models = saved(tmp_path, kind, tables(kind))
    # Twice as wide as high: the picture fills the middle half of the model's input.
    image = Image(np.zeros((64, 128, 3), np.uint8))
    result = ObjectDetection(model="fixed").run(image, models)
    found: Any = result.measurements["detections"]
    assert [(one["label"], one["confidence"]) for one in found] == [
        ("b", pytest.approx(0.9)),
        ("a", pytest.approx(0.7)),
    ]
    assert found[0]["bbox"] == pytest.approx([44, 12, 84, 52])
    assert found[1]["bbox"] == pytest.approx([12, 42, 28, 54])
    assert result.outputs["label"] == "b"
    only = ObjectDetection(model="fixed", labels=("a",)).run(image, models)
    assert only.outputs["count"] == 1


def test_outputs_of_another_kind_are_a_clear_error(tmp_path: Path) -> None:
    models = saved(tmp_path, "ssd", tables("yolov8"))
    image = Image(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ToolError, match="not of the kind 'ssd'"):
        ObjectDetection(model="fixed").run(image, models)
    with pytest.raises(ToolError, match="no such model 'nothing'; this node has fixed, person"):
        ObjectDetection(model="nothing").run(image, models)
    with pytest.raises(ToolError, match="does not know 'dog'"):
        ObjectDetection(labels=("dog",)).run(image, models)


def test_a_model_whose_file_was_changed_is_refused(tmp_path: Path) -> None:
    models = saved(tmp_path, "yolov8", tables("yolov8"))
    with (tmp_path / "fixed.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="sha256 differs"):
        models.get("fixed")
    assert "refused" in (reason_against("cpu", models) or "")
    (tmp_path / "fixed.json").write_text("{}")
    with pytest.raises(ModelError, match=r"fixed\.json"):
        Models([tmp_path])


def test_people_are_found_where_they_are(models: Models) -> None:
    result = PeopleDetection().run(PEOPLE, models)
    assert result.outputs["count"] == 1
    (person,) = result.outputs["detections"].items
    # By eye: the worker stands about here.
    assert 0.3 < (person.y2 - person.y1) / PEOPLE.height < 1.0
    assert result.confidence is not None
    assert result.confidence > 0.4


def test_tiles_find_the_distant_person_that_the_whole_picture_hides(models: Models) -> None:
    far = np.full((540, 960, 3), 90, np.uint8)
    small = cv2.resize(PEOPLE.pixels, (320, 180), interpolation=cv2.INTER_AREA)
    far[340:520, 20:340] = small
    whole = PeopleDetection().run(Image(far), models).outputs["count"]
    tiled = PeopleDetection(tiles_across=2, tiles_down=2).run(Image(far), models)
    assert tiled.outputs["count"] == 1
    assert whole <= 1
    (person,) = tiled.outputs["detections"].items
    assert person.y1 > 320


def test_no_people_are_no_failure(models: Models) -> None:
    result = PeopleDetection().run(Image(np.zeros((100, 100), np.uint8)), models)
    assert result.outputs["count"] == 0
    assert result.outputs["is_found"] is False


def test_a_provider_that_is_not_there_is_refused_with_words(models: Models) -> None:
    assert reason_against("cpu", models) is None
    assert "offers only" in (reason_against("cuda", models) or "")
    data = (SHIPPED / "person_ssdlite.onnx").read_bytes()
    with pytest.raises(ModelError, match="cuda"):
        open_session(data, "cuda")


async def test_a_node_that_is_told_to_use_a_gpu_and_cannot_does_not_come_online() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vision_node",
        env={"PATH": os.environ["PATH"], "GEMBA_ONNX_PROVIDER": "cuda"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"does not come online: GEMBA_ONNX_PROVIDER is cuda" in said


def test_codes_of_three_kinds_are_read_however_turned() -> None:
    truth = {text for text, *_ in CODES}
    picture = draw_codes()
    for turned in (picture, as_pixels(cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))):
        found: Any = ReadCodes().run(Image(turned)).measurements["codes"]
        assert {code["text"] for code in found} == truth
    inverted: Any = ReadCodes().run(Image(255 - picture)).measurements["codes"]
    assert len(inverted) >= 2  # the two square ones; a bar code is never printed so
    only = ReadCodes(formats=("data_matrix",)).run(Image(picture))
    assert only.outputs["text"] == "LOT-26-A7"
    assert ReadCodes().run(Image(np.zeros((50, 50), np.uint8))).outputs["text"] is None


def test_badges_go_to_the_people_who_wear_them() -> None:
    image = Image(draw_badges())
    people = Detections(
        (
            Detection(20, 20, 120, 200, 0.9, "person"),
            Detection(0, 0, 320, 240, 0.8, "person"),
            Detection(300, 0, 320, 240, 0.8, "person"),
        )
    )
    result = ReadBadges(prefix="B").run(image, people)
    assert result.outputs["count"] == len(BADGES)
    worn = [person.badge for person in result.outputs["people"].items]
    assert worn[0] == "B7"
    assert worn[1] in {"B23", "B42"}
    assert worn[2] is None
    assert ReadBadges().run(image).outputs["people"] is None
