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
    ("point", "margin_px", "is_in"),
    [
        ((150, 150), 0, True),
        ((100, 150), 0, True),
        ((200, 200), 0, True),
        ((99.9, 150), 0, False),
        ((95, 150), 5, True),
        ((94.9, 150), 5, False),
        ((203, 204), 5, True),
        ((204, 204), 5, False),
    ],
)
def test_a_point_is_in_on_the_border_and_within_the_margin(
    point: tuple[float, float], margin_px: float, is_in: bool
) -> None:
    assert Polygon(SQUARE).contains(point, margin_px=margin_px) is is_in


def test_a_notch_is_outside() -> None:
    assert not Polygon(ARROW).contains((10, 50))
    assert Polygon(ARROW).contains((60, 50))


@given(EIGHTHS, EIGHTHS, st.integers(0, 160).map(lambda n: n / 8))
def test_the_margin_is_a_distance_all_around(x: float, y: float, margin_px: float) -> None:
    left, top, right, bottom = 100.0, 100.0, 200.0, 200.0
    away = math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
    assert Polygon(SQUARE).contains((x, y), margin_px=margin_px) is (away <= margin_px)
