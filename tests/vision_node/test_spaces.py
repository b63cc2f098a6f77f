import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_node.features import Fixture, Pose, fixture_between, placed, stretch
from vision_node.imaging import Image
from vision_node.inspecting import inspect_once
from vision_node.overlay import Box, Circle, Line, Point, Polygon
from vision_node.pipeline.catalogue import Tools
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.runner import Stop
from vision_node.placing import place
from vision_node.sources.opening import SourceAccess
from vision_node.spaces import PICTURE, Homography, inverse, scaled, shifted, turned
from vision_node.tools.affine import Affine
from vision_node.tools.crop import Crop
from vision_node.tools.polar_unwrap import PolarUnwrap
from vision_node.tools.resize import Resize

number = st.floats(-500, 500)


@given(number, number, st.floats(-360, 360), st.floats(0.2, 5))
def test_a_chain_of_pictures_leads_back_to_where_it_began(
    x: float, y: float, angle: float, scale: float
) -> None:
    ways = (shifted(x, y), turned(angle, scale=scale), scaled(scale, 2.0))
    space = PICTURE
    for way in ways:
        space = space.within(way)
    assert len(space.to_picture) == 1  # merged into one matrix
    points = np.array([[3.0, 4.0], [x, y]])
    expected = points
    for way in reversed(ways):
        expected = way(expected)
    assert space.in_picture(points) == pytest.approx(expected, abs=1e-6)
    assert inverse(ways[1])(ways[1](points)) == pytest.approx(points, abs=1e-6)


def test_millimetres_are_the_same_after_cropping_turning_and_resizing() -> None:
    space = PICTURE.calibrated(Homography(np.diag([0.05, 0.05, 1.0])))
    image = Image(np.zeros((200, 300), np.uint8), space)
    for tool in (
        Crop(x=50, y=60, width=200, height=100),
        Resize(scale=2.0),
        Affine(angle_deg=30),
    ):
        made = tool.run(image).outputs["image"]
        there = made.space.in_picture(np.array([[10.0, 10.0], [40.0, 50.0]]))
        assert made.space.distance_mm((10, 10), (40, 50)) == pytest.approx(
            0.05 * math.dist(*there.tolist())
        )
        assert made.space.in_mm(np.array([[7.0, 9.0]])) == pytest.approx(
            0.05 * made.space.in_picture(np.array([[7.0, 9.0]]))
        )
    assert space.area_mm2((5, 5), 400) == pytest.approx(1.0)


def test_a_fixture_moves_what_was_drawn_on_the_reference() -> None:
    fixture = fixture_between(Pose(100, 50), Pose(130, 80, angle_deg=90, scale=2.0))
    for place_px, there in (((100, 50), (130, 80)), ((110, 50), (130, 100))):
        assert placed(fixture, place_px)[0] == pytest.approx(there)
    assert stretch(fixture) == pytest.approx(2.0)
    assert placed(None, (1, 2)) == [(1, 2)]


def test_shapes_come_back_as_what_they_were_where_they_can() -> None:
    space = PICTURE.within(shifted(10, 20)).within(scaled(2, 2))
    box, circle, point, polygon = place(
        (
            Box(x=0, y=0, width=5, height=5, role="pass", label="ok"),
            Circle(cx=3, cy=3, radius=2),
            Point(x=1, y=1),
            Polygon(points=((0, 0), (1, 0))),
        ),
        space,
    )
    assert isinstance(box, Box)
    assert (box.x, box.y, box.role, box.label) == (10.5, 20.5, "pass", "ok")
    assert isinstance(circle, Circle)
    assert (circle.cx, circle.cy, circle.radius) == pytest.approx((16.5, 26.5, 4))
    assert isinstance(point, Point)
    assert isinstance(polygon, Polygon)
    tilted = PICTURE.within(Homography(np.array([[1, 0, 0], [0, 1, 0], [0.004, 0, 1.0]])))
    (bent,) = place((Circle(cx=50, cy=50, radius=40),), tilted)
    assert isinstance(bent, Polygon)
    assert place((Line(x1=-250, y1=0, x2=-250, y2=9),), tilted) == ()  # beyond the horizon


def test_a_blob_found_in_a_crop_is_drawn_where_it_is(tools: Tools, never_stop: Stop) -> None:
    found = run(
        tools,
        never_stop,
        ("crop", {"x": 100, "y": 10, "width": 120, "height": 80}),
        ("blob_detection", {"min_area": 100}),
    )
    (point,) = [s for s in found["overlay"]["shapes"] if s["kind"] == "point"]
    assert (point["x"], point["y"]) == pytest.approx((160, 50), abs=0.1)
    assert found["blob_locations"][0]["cx"] == pytest.approx(60, abs=0.1)


def test_a_ring_unrolled_leads_back_to_the_ring() -> None:
    picture = np.zeros((200, 200), np.uint8)
    picture[120:, :] = 255
    tool = PolarUnwrap(cx=100, cy=100, inner_radius=40, outer_radius=60)
    made = tool.run(Image(picture)).outputs["image"]
    assert made.pixels.shape == (20, round(60 * 2 * math.pi))
    quarter = made.width / 4
    (there,) = made.space.in_picture(np.array([[quarter, 10.0]]))
    assert there == pytest.approx((100, 150), abs=0.5)
    assert made.pixels[10, int(quarter)] == 255
    assert made.pixels[10, int(3 * quarter)] == 0


def test_a_crop_with_a_fixture_shows_the_part_upright() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[60:63, 40:80] = 255
    seen = fixture_between(Pose(20, 20), Pose(61, 61, angle_deg=180))
    made = Crop(x=0, y=19, width=41, height=3).run(Image(picture), seen).outputs["image"]
    assert (made.pixels == 255).mean() > 0.9
    assert isinstance(seen, Fixture)


def run(tools: Tools, stop: Stop, *chain: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    names = ["image_source", *(name for name, _ in chain)]
    source = {"source_type": "sample", "name": "blobs"}
    config = {
        "tools": [
            {"name": "image_source", "parameters": source},
            *({"name": name, "parameters": parameters} for name, parameters in chain),
        ],
        "connections": [{"from": before, "to": after} for before, after in pairwise(names)],
    }
    return inspect_once(compile_pipeline(config, tools), SourceAccess(), stop=stop).results
