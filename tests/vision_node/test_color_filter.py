import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image
from vision_node.sources.drawing import CAPS, draw_colors
from vision_node.tools.color_filter import ColorFilter


def measure(**parameters: Any) -> dict[str, Any]:
    return dict(ColorFilter.model_validate(parameters).run(Image(draw_colors())).measurements)


def test_the_blue_caps_of_the_sample_are_found() -> None:
    found = measure(lower=[100, 80, 60], upper=[130, 255, 255])
    blue = [cap for cap in CAPS if cap[3] == (200, 80, 30)]
    assert found["region_count"] == len(found["regions"]) == len(blue) == 2
    assert found["area_pixels"] == pytest.approx(sum(math.pi * c[2] ** 2 for c in blue), rel=0.03)
    assert found["area_ratio"] == pytest.approx(found["area_pixels"] / (320 * 240), abs=1e-6)
    centres = {(region["cx"], region["cy"]) for region in found["regions"]}
    assert centres == {(cap[0], cap[1]) for cap in blue}


def test_a_hue_range_may_go_round_through_red() -> None:
    found = measure(lower=[170, 80, 60], upper=[10, 255, 255])
    assert [(region["cx"], region["cy"]) for region in found["regions"]] == [(70, 70)]


def test_small_regions_are_not_listed_but_counted_in_the_area() -> None:
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[2:8, 2:8] = 200
    picture[15, 15] = 200
    tool = ColorFilter(color_space="bgr", lower=(99, 99, 99), upper=(255, 255, 255), min_area=5)
    found = tool.run(Image(picture)).measurements
    assert (found["region_count"], found["area_pixels"]) == (1, 37)


def test_both_ends_of_a_range_are_included() -> None:
    red = CAPS[0][3]
    assert measure(color_space="bgr", lower=list(red), upper=list(red))["region_count"] == 1
    beyond = [red[0], red[1], red[2] - 1]
    assert measure(color_space="bgr", lower=[0, 0, 0], upper=beyond)["region_count"] == 0


def test_lab_selects_by_lightness_and_colour() -> None:
    yellow = np.full((1, 1, 3), CAPS[3][3], np.uint8)
    lab = cv2.cvtColor(yellow, cv2.COLOR_BGR2LAB)[0, 0].astype(int)
    found = measure(
        color_space="lab", lower=(lab - 3).clip(0).tolist(), upper=(lab + 3).clip(0, 255).tolist()
    )
    assert [(region["cx"], region["cy"]) for region in found["regions"]] == [(110, 170)]


def test_a_grey_picture_has_no_colour() -> None:
    params = ColorFilter(lower=(0, 50, 0), upper=(179, 255, 255))
    assert params.run(Image(np.full((5, 5), 99, np.uint8))).measurements["area_pixels"] == 0


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"upper": [1, 2, 3]}, "lower"),
        ({"lower": [1, 2], "upper": [1, 2, 3]}, "lower"),
        ({"lower": [0, 0, 0], "upper": [180, 0, 0]}, "upper"),
        ({"lower": [0, 9, 0], "upper": [9, 8, 9]}, "upper"),
        ({"lower": [0, 0, 0], "upper": [0, 256, 0]}, "upper"),
        ({"color_space": "bgr", "lower": [9, 0, 0], "upper": [8, 9, 9]}, "upper"),
        ({"color_space": "rgb", "lower": [0, 0, 0], "upper": [8, 9, 9]}, "color_space"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ColorFilter.model_validate(parameters)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}
