import math
from typing import Any

import numpy as np
import pytest

from tests.vision_node.drawn_shapes import bar, ellipse, finish
from vision_node.features import (
    CircleFeature,
    LineFeature,
    PointFeature,
    Pose,
    fixture_between,
)
from vision_node.imaging import Image
from vision_node.sources.drawing import PLATE, draw_shapes
from vision_node.spaces import PICTURE, Homography, shifted
from vision_node.tools.angle import Angle
from vision_node.tools.caliper import Caliper
from vision_node.tools.distance import Distance
from vision_node.tools.find_circle import FindCircle
from vision_node.tools.find_line import FindLine
from vision_node.tools.fit_ellipse import FitEllipse

HALF_MM = PICTURE.calibrated(Homography(np.diag([0.5, 0.5, 1.0])))


@pytest.mark.parametrize("width", [20.0, 41.3, 77.77])
@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 100.0])
def test_a_caliper_is_true_to_a_twentieth_of_a_pixel_in_noise(width: float, angle: float) -> None:
    errors = []
    cover = bar((100.3, 99.6), width=width, angle_deg=angle)
    for seed in range(5):
        image = finish(cover, seed=seed)
        a = math.radians(angle)
        reach = (60 * math.cos(a), 60 * math.sin(a))
        tool = Caliper(
            x1=100 - reach[0], y1=100 - reach[1], x2=100 + reach[0], y2=100 + reach[1], width_px=15
        )
        result = tool.run(image)
        errors.append(result.outputs["width"] - width)
        middle = np.mean(
            [(p.x, p.y) for p in (result.outputs["point"], result.outputs["second_point"])],
            axis=0,
        )
        off = (middle[0] - 100.3) * math.cos(a) + (middle[1] - 99.6) * math.sin(a)
        assert abs(off) < 0.05
    assert np.abs(errors).max() < 0.05


def test_a_caliper_picks_the_edges_that_it_is_told_to() -> None:
    image = Image(draw_shapes())
    # The row meets: plate 49.5, slot 179.5 to 229.5, plate's end 269.5.
    line = {"x1": 20, "y1": 130, "x2": 300, "y2": 130, "width_px": 3}
    expected = {
        ("pair", "rising", "widest"): (49.5, 269.5),
        ("pair", "falling", "first"): (91.8, 148.2),
        ("pair", "falling", "last"): (179.5, 229.5),
        ("edge", "rising", "first"): (49.5,),
        ("edge", "falling", "last"): (269.5,),
        ("edge", "any", "strongest"): None,
    }
    for (mode, polarity, select), places in expected.items():
        tool = Caliper.model_validate(
            {**line, "mode": mode, "polarity": polarity, "select": select}
        )
        found = tool.run(image).measurements
        points: Any = found["points"]
        if places is not None:
            assert [point["x"] for point in points] == pytest.approx(places, abs=0.6)
    assert PLATE == (50, 40, 220, 160)


def test_where_there_is_no_edge_there_is_nothing_and_no_failure() -> None:
    flat = Image(np.full((50, 50), 90, np.uint8))
    result = Caliper(x1=0, y1=20, x2=49, y2=20).run(flat)
    assert result.outputs["width"] is None
    assert result.outputs["is_found"] is False
    assert FindLine(x1=5, y1=20, x2=45, y2=20).run(flat).outputs["line"] is None
    assert FindCircle(cx=25, cy=25, radius=10).run(flat).outputs["circle"] is None
    ellipse_tool = FitEllipse(cx=25, cy=25, inner_radius=3, outer_radius=20)
    assert ellipse_tool.run(flat).outputs["centre"] is None
    off = Caliper(x1=-500, y1=-20, x2=900, y2=5000).run(flat)
    assert off.outputs["edge_count"] == 0


@pytest.mark.parametrize("radius", [12.0, 30.4, 61.25])
def test_a_circle_is_true_to_a_twentieth_of_a_pixel_in_noise(radius: float) -> None:
    for seed in range(5):
        cx, cy = 99.3 + 0.21 * seed, 101.7 - 0.17 * seed
        image = finish(ellipse((cx, cy), axes=(2 * radius, 2 * radius)), seed=seed)
        found = FindCircle(cx=102, cy=99, radius=radius + 2, search_px=9).run(image)
        circle = found.outputs["circle"]
        assert math.hypot(circle.cx - cx, circle.cy - cy) < 0.05
        assert abs(circle.radius - radius) < 0.05


def test_a_circle_is_found_though_a_third_of_it_is_hidden() -> None:
    cover = ellipse((100, 100), axes=(80, 80))
    cover[:, 118:] = 1.0
    circle = FindCircle(cx=101, cy=99, radius=41, search_px=12).run(finish(cover)).outputs["circle"]
    assert (circle.cx, circle.cy, circle.radius) == pytest.approx((100, 100, 40), abs=0.1)


@pytest.mark.parametrize("angle", [0.0, 7.3, 90.0, 133.0])
def test_a_line_is_true_in_angle_and_place(angle: float) -> None:
    image = finish(bar((100.0, 100.0), width=60, angle_deg=angle))
    a = math.radians(angle)
    x, y = 100 + 30 * math.cos(a), 100 + 30 * math.sin(a)
    along = (50 * math.sin(a), -50 * math.cos(a))
    tool = FindLine(x1=x - along[0], y1=y - along[1], x2=x + along[0], y2=y + along[1])
    line = tool.run(image).outputs["line"]
    apart = ((line.middle[0] - 100) * math.cos(a) + (line.middle[1] - 100) * math.sin(a)) - 30
    assert abs(apart) < 0.05
    turned = (line.angle_deg - angle - 90 + 90) % 180 - 90
    assert abs(turned) < 0.05


def test_a_line_passes_by_a_burr() -> None:
    cover = bar((100.0, 100.0), width=60)
    cover[60:95, 130:138] = 1.0
    result = FindLine(x1=130, y1=20, x2=130, y2=180).run(finish(cover))
    assert result.outputs["line"].middle[0] == pytest.approx(130, abs=0.05)
    assert result.outputs["straightness"] < 0.5
    assert result.confidence is not None
    assert result.confidence < 0.9


def test_an_ellipse_is_true_in_centre_axes_and_angle() -> None:
    image = finish(ellipse((98.4, 103.3), axes=(110, 70), angle_deg=25))
    tool = FitEllipse(cx=100, cy=100, inner_radius=20, outer_radius=80)
    found = tool.run(image).outputs
    assert (found["centre"].x, found["centre"].y) == pytest.approx((98.4, 103.3), abs=0.05)
    assert (found["major"], found["minor"]) == pytest.approx((110, 70), abs=0.1)
    assert found["angle"] == pytest.approx(25, abs=0.1)


def test_measures_follow_a_part_by_its_fixture_and_come_in_millimetres() -> None:
    picture = finish(ellipse((130, 60), axes=(40, 40)))
    image = Image(picture.pixels, HALF_MM)
    fixture = fixture_between(Pose(50, 50), Pose(130, 60, angle_deg=30))
    found = FindCircle(cx=50, cy=50, radius=20).run(image, fixture).outputs
    assert found["diameter_mm"] == pytest.approx(20, abs=0.05)
    width = Caliper(x1=20, y1=50, x2=80, y2=50).run(image, fixture).outputs
    assert width["width_mm"] == pytest.approx(20, abs=0.1)


def test_distances_between_features() -> None:
    point = PointFeature(10, 10)
    line = LineFeature((0, 40), (100, 40))
    circle = CircleFeature(10, 70, 5)
    assert Distance().run(point, circle).outputs["distance"] == pytest.approx(60)
    assert Distance().run(point, line).outputs["distance"] == pytest.approx(30)
    assert Distance().run(line, point).outputs["distance"] == pytest.approx(30)
    other = LineFeature((0, 52), (10, 52))
    assert Distance().run(line, other).outputs["distance"] == pytest.approx(12)
    assert Distance().run(point, circle).outputs["distance_mm"] is None
    in_mm = Distance().run(PointFeature(0, 0, HALF_MM), PointFeature(6, 8, HALF_MM))
    assert in_mm.outputs["distance_mm"] == pytest.approx(5)


def test_features_of_different_crops_are_measured_on_the_whole_picture() -> None:
    one = PointFeature(5, 5, HALF_MM.within(shifted(100, 0)))
    other = PointFeature(5, 5, HALF_MM.within(shifted(0, 0)))
    found = Distance().run(one, other).outputs
    assert found["distance"] == pytest.approx(100)
    assert found["distance_mm"] == pytest.approx(50)


def test_the_angle_between_lines_and_where_they_cross() -> None:
    flat, steep = LineFeature((0, 0), (100, 0)), LineFeature((50, -10), (110, 50))
    found = Angle().run(flat, steep).outputs
    assert found["angle"] == pytest.approx(45)
    assert (found["crossing"].x, found["crossing"].y) == pytest.approx((60, 0))
    assert Angle(span="full").run(steep, flat).outputs["angle"] == pytest.approx(135)
    assert Angle().run(flat, LineFeature((0, 5), (9, 5))).outputs["crossing"] is None
