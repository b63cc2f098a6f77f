"""Zones: which polygons are valid, and who stands in one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.floor.geometry import Polygon, problem_of

SQUARE = ((100.0, 100.0), (200.0, 100.0), (200.0, 200.0), (100.0, 200.0))
EIGHTHS = st.integers(-400, 2800).map(lambda n: n / 8)
ARROW = ((0.0, 0.0), (100.0, 50.0), (0.0, 100.0), (30.0, 50.0))


@pytest.mark.parametrize(
    ("corners", "rule"),
    [
        ([(0, 0), (10, 10)], "3 to 100 corners"),
        ([(i % 50, i) for i in range(101)], "3 to 100 corners"),
        ([(0, 0), (math.nan, 5), (9, 9)], "corner 2 is not a number"),
        ([(0, 0), (math.inf, 5), (9, 9)], "corner 2 is not a number"),
        ([(0, 0), (641, 5), (9, 9)], "corner 2 (641, 5) lies outside"),
        ([(0, 0), (10, -1), (9, 9)], "lies outside of the picture, 640×480"),
        ([(0, 0), (100, 100), (100, 0), (0, 100)], "sides 1 and 3 cross"),
        ([(0, 0), (10, 0), (10, 0), (0, 10)], "corners 2 and 3 are the same"),
        ([(0, 0), (10, 0), (0, 10), (0, 0)], "corners 4 and 1 are the same"),
        ([(0, 0), (10, 10), (20, 20)], "lie on each other"),
        ([(0, 0), (100, 0), (50, 0), (50, 50)], "lie on each other"),
        ([(0, 0), (100, 0), (100, 100), (50, 0), (0, 100)], "cross or touch"),
    ],
)
def test_a_bad_polygon_is_told_by_its_rule(corners: list[tuple[float, float]], rule: str) -> None:
    assert rule in str(problem_of(corners, width=640, height=480))


@pytest.mark.parametrize("corners", [SQUARE, ARROW, SQUARE[::-1], ((0, 0), (640, 0), (0, 480))])
def test_a_good_polygon_has_no_problem(corners: tuple[tuple[float, float], ...]) -> None:
    assert problem_of(corners, width=640, height=480) is None


@pytest.mark.parametrize(
    ("point", "depth"),
    [
        ((150, 150), 50),
        ((110, 150), 10),
        ((100, 150), 0),
        ((200, 200), 0),
        ((95, 150), -5),
        ((203, 204), -5),
    ],
)
def test_depth_is_the_distance_to_the_border(point: tuple[float, float], depth: float) -> None:
    assert Polygon(SQUARE).depth(point) == pytest.approx(depth)


def test_a_notch_is_outside() -> None:
    assert Polygon(ARROW).depth((10, 50)) < 0
    assert Polygon(ARROW).depth((60, 50)) > 0


@given(EIGHTHS, EIGHTHS, st.integers(0, 160).map(lambda n: n / 8), st.sampled_from([SQUARE, ARROW]))
def test_the_quick_answer_agrees_with_the_exact_one(
    x: float, y: float, margin: float, corners: tuple[tuple[float, float], ...]
) -> None:
    polygon = Polygon(corners)
    exact = polygon.depth((x, y)) >= -margin
    assert (polygon.depth((x, y), least=-margin) >= -margin) == exact
