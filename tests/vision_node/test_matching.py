import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from tests.vision_node.drawn_shapes import ellipse, finish
from vision_node.features import Pose
from vision_node.imaging import Image, as_pixels
from vision_node.inspecting import inspect_once
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.runner import Stop
from vision_node.pipeline.tool import ToolError
from vision_node.sources.drawing import PARTS, SCRATCH, draw_part, draw_parts, draw_scratched
from vision_node.sources.opening import SourceAccess
from vision_node.spaces import Homography
from vision_node.tools.crop import Crop
from vision_node.tools.find_circle import FindCircle
from vision_node.tools.fixture import Fixture
from vision_node.tools.golden_difference import GoldenDifference
from vision_node.tools.pattern_matching import PatternMatching
from vision_node.tools.template_matching import TemplateMatching

PART = Image(draw_part())
BRACKET = Crop(x=34, y=26, width=93, height=69).run(PART).outputs["image"]


def apart_deg(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def test_a_template_is_found_to_a_tenth_of_a_pixel_in_noise() -> None:
    taught = Crop(x=70, y=70, width=60, height=60).run(
        finish(ellipse((100, 100), axes=(40, 24)), noise=0)
    )
    for dx, dy in ((0.0, 0.0), (3.3, -2.7), (-12.5, 7.25)):
        seen = finish(ellipse((100 + dx, 100 + dy), axes=(40, 24)), noise=6)
        pose = TemplateMatching().run(seen, taught.outputs["image"]).outputs["pose"]
        assert math.hypot(pose.x - 99.5 - dx, pose.y - 99.5 - dy) < 0.1


def test_every_copy_of_a_template_is_found_once() -> None:
    picture = np.zeros((100, 300), np.uint8)
    for x in (20, 130, 240):
        cv2.rectangle(picture, (x, 40), (x + 20, 60), (200,), 2)
    taught = Image(picture[30:71, 10:51].copy())
    result = TemplateMatching(max_matches=10, min_score=0.9).run(Image(picture), taught)
    assert result.outputs["count"] == 3
    assert TemplateMatching(min_score=1.0).run(PART, BRACKET).outputs["count"] <= 1


@pytest.mark.parametrize("tool", [TemplateMatching(), PatternMatching()])
def test_a_template_without_structure_is_refused(
    tool: TemplateMatching | PatternMatching,
) -> None:
    with pytest.raises(ToolError, match="one grey level"):
        tool.run(PART, Image(np.full((20, 20), 9, np.uint8)))
    noise = np.random.default_rng(3).integers(0, 255, (120, 160), dtype=np.uint8)
    assert tool.run(Image(noise), BRACKET).outputs["pose"] is None


def test_turned_parts_are_found_with_place_and_angle() -> None:
    result = PatternMatching(max_matches=2, min_score=0.6).run(Image(draw_parts()), BRACKET)
    assert result.outputs["count"] == 2
    matches: Any = result.measurements["matches"]
    found = sorted(matches, key=lambda match: match["x"])
    for match, (x, y, angle) in zip(found, PARTS, strict=True):
        assert math.hypot(match["x"] - x, match["y"] - y) < 0.1
        assert apart_deg(match["angle_deg"], angle) < 0.3


@pytest.mark.parametrize(("angle", "scale"), [(0, 1.0), (12, 0.85), (-140, 1.2), (90, 1.1)])
def test_angle_and_scale_are_measured_in_noise(angle: float, scale: float) -> None:
    middle = (BRACKET.width - 1) / 2, (BRACKET.height - 1) / 2
    onto = cv2.getRotationMatrix2D(middle, -angle, scale)
    onto[:, 2] += np.array([60.3, 80.6])
    seen = cv2.warpAffine(
        BRACKET.pixels, onto, (260, 240), borderMode=cv2.BORDER_CONSTANT, borderValue=(40, 40, 40)
    )
    noisy = np.clip(seen + np.random.default_rng(5).normal(0, 5, seen.shape), 0, 255)
    tool = PatternMatching(min_scale=0.8, max_scale=1.25, min_score=0.5)
    pose = tool.run(Image(as_pixels(noisy.astype(np.uint8))), BRACKET).outputs["pose"]
    assert math.hypot(pose.x - middle[0] - 60.3, pose.y - middle[1] - 80.6) < 0.3
    assert apart_deg(pose.angle_deg, angle) < 0.5
    assert pose.scale == pytest.approx(scale, rel=0.01)


def test_a_fixture_brings_the_measure_to_the_part() -> None:
    picture = Image(draw_parts())
    for x, y, angle in PARTS:
        fixture = Fixture().run(Pose(x, y, angle, reference=(80.0, 60.0))).outputs["fixture"]
        tool = FindCircle(cx=54, cy=46, radius=7, search_px=4)
        circle = tool.run(picture, fixture).outputs["circle"]
        assert circle.radius == pytest.approx(7, abs=0.15)


def test_a_match_teaches_the_fixture_its_reference() -> None:
    pose = PatternMatching(min_score=0.6).run(PART, BRACKET).outputs["pose"]
    fixture = Fixture().run(pose).outputs["fixture"]
    assert fixture.onto_part.matrix == pytest.approx(Homography(np.eye(3)).matrix, abs=0.05)


def test_poses_beyond_count_are_refused() -> None:
    large = Image(np.random.default_rng(1).integers(0, 255, (400, 27), dtype=np.uint8))
    with pytest.raises(ToolError, match="narrow"):
        PatternMatching(min_scale=0.2, max_scale=5).run(large, large)
    with pytest.raises(ValidationError):
        PatternMatching(min_angle_deg=10, max_angle_deg=0)


def test_a_scratch_is_a_defect_and_a_good_part_is_good() -> None:
    scratched = Image(draw_scratched())
    result = GoldenDifference().run(scratched, PART)
    assert result.outputs["defect_count"] == 1
    defects: Any = result.measurements["defects"]
    defect = defects[0]
    x, y, width, height = SCRATCH
    assert defect["cx"] == pytest.approx(x + (width - 1) / 2, abs=1)
    assert defect["cy"] == pytest.approx(y + (height - 1) / 2, abs=1)
    assert GoldenDifference().run(PART, PART).outputs["is_good"]


def test_a_shifted_darker_picture_of_a_good_part_is_still_good() -> None:
    shift = np.array([[1, 0, 2.6], [0, 1, -1.7]])
    moved = cv2.warpAffine(PART.pixels, shift, (160, 120), borderMode=cv2.BORDER_REPLICATE)
    darker = Image(as_pixels((moved * 0.8).astype(np.uint8)))
    assert GoldenDifference().run(darker, PART).outputs["is_good"]
    assert not GoldenDifference(align="none").run(darker, PART).outputs["is_good"]
    with pytest.raises(ToolError, match="size"):
        GoldenDifference().run(PART, BRACKET)


def test_nothing_of_the_reference_is_drawn_on_the_picture(tools: Tools, never_stop: Stop) -> None:
    graph = compile_pipeline(PatternMatching.example, tools)
    shapes = inspect_once(graph, SourceAccess(), stop=never_stop).overlay.shapes
    assert {shape.tool for shape in shapes} == {"found"}
