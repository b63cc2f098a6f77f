import itertools
import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.tool import ToolError
from vision_node.sources.drawing import (
    BOARD_CORNERS,
    BOARD_SQUARE_MM,
    BOARD_SQUARES,
    draw_checkerboard,
    draw_shapes,
)
from vision_node.tools.blob_detection import BlobDetection
from vision_node.tools.calibration import Calibration
from vision_node.tools.find_circle import FindCircle

BLANK = Image(np.zeros((240, 320), np.uint8))


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_a_checkerboard_gives_millimetres_within_a_thousandth(noise: float) -> None:
    board = draw_checkerboard() + np.random.default_rng(2).normal(0, noise, (240, 320, 3))
    tool = Calibration(method="checkerboard", columns=7, rows=5, square_mm=BOARD_SQUARE_MM)
    result = tool.run(Image(as_pixels(np.clip(np.rint(board), 0, 255).astype(np.uint8))))
    space = result.outputs["image"].space
    across, down = (count * BOARD_SQUARE_MM for count in BOARD_SQUARES)
    truth = {(0, 1): across, (1, 2): down, (0, 2): math.hypot(across, down)}
    for (one, other), length_mm in truth.items():
        found = space.distance_mm(BOARD_CORNERS[one], BOARD_CORNERS[other])
        assert found == pytest.approx(length_mm, rel=0.001)
    assert result.outputs["error"] < 0.02
    assert result.outputs["scale"] == pytest.approx(0.198, abs=0.01)


def test_a_board_of_its_own_calibrates_the_picture_of_the_part() -> None:
    tool = Calibration(method="checkerboard", columns=7, rows=5, square_mm=5)
    part = tool.run(Image(draw_shapes()), Image(draw_checkerboard())).outputs["image"]
    found = FindCircle(cx=120, cy=120, radius=30).run(part).outputs
    assert found["diameter_mm"] == pytest.approx(2 * found["radius"] * 0.198, rel=0.05)


def test_without_a_board_in_sight_it_says_so() -> None:
    with pytest.raises(ToolError, match="7 × 5 inner corners"):
        Calibration(method="checkerboard", columns=7, rows=5).run(BLANK)


def known(points: list[tuple[float, float]], matrix: np.ndarray) -> list[dict[str, float]]:
    there = cv2.perspectiveTransform(np.array([points]), matrix)[0].tolist()
    return [
        {"x": x, "y": y, "x_mm": x_mm, "y_mm": y_mm}
        for (x, y), (x_mm, y_mm) in zip(points, there, strict=True)
    ]


@pytest.mark.parametrize(
    ("count", "matrix"),
    [
        (2, [[0.08, -0.06, 3], [0.06, 0.08, 1], [0, 0, 1]]),
        (3, [[0.1, 0.02, 3], [0.01, 0.2, 1], [0, 0, 1]]),
        (4, [[0.1, 0.02, 3], [0.01, 0.2, 1], [0.0004, 0.0001, 1]]),
        (9, [[0.1, 0.02, 3], [0.01, 0.2, 1], [0.0004, 0.0001, 1]]),
    ],
)
def test_known_places_determine_the_map(count: int, matrix: list[list[float]]) -> None:
    places = [(10.0, 20.0), (300.0, 30.0), (290.0, 220.0), (20.0, 200.0)]
    places += list(itertools.product((60.0, 120.0, 180.0), (50.0, 90.0)))
    truth = np.array(matrix)
    tool = Calibration.model_validate({"method": "points", "points": known(places[:count], truth)})
    result = tool.run(BLANK)
    space = result.outputs["image"].space
    expected = cv2.perspectiveTransform(np.array([[(77.0, 88.0)]]), truth)[0]
    assert space.in_mm(np.array([(77.0, 88.0)])) == pytest.approx(expected, rel=1e-6)
    assert result.outputs["error"] < 1e-6


def test_noisy_places_are_evened_out_and_their_error_told() -> None:
    truth = np.diag([0.05, 0.05, 1.0])
    places = [(float(x), float(y)) for x in range(10, 310, 40) for y in range(10, 230, 40)]
    off = np.random.default_rng(4).normal(0, 0.3, (len(places), 2))
    given = known(places, truth)
    for place, (dx, dy) in zip(given, off.tolist(), strict=True):
        place["x"] += dx
        place["y"] += dy
    tool = Calibration.model_validate({"method": "points", "points": given, "model": "similarity"})
    result = tool.run(BLANK)
    assert result.outputs["scale"] == pytest.approx(0.05, rel=0.001)
    assert result.outputs["error"] == pytest.approx(0.05 * 0.3 * math.sqrt(2), rel=0.3)


def test_places_on_a_line_are_refused() -> None:
    points = known([(0.0, 0.0), (10.0, 10.0), (20.0, 20.0)], np.eye(3))
    tool = Calibration.model_validate({"method": "points", "points": points})
    with pytest.raises(ToolError, match="line"):
        tool.run(BLANK)


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "points", "points": known([(1.0, 1.0)], np.eye(3))},
        {"method": "points", "model": "affine", "points": known([(1.0, 1.0)] * 2, np.eye(3))},
        {"mm_per_px": 0},
        {"method": "points", "points": [{"x": 1, "y": 2}]},
    ],
)
def test_too_little_to_calibrate_by_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Calibration.model_validate(parameters)


def test_blobs_come_in_square_millimetres() -> None:
    image = Calibration(mm_per_px=0.5).run(Image(draw_shapes())).outputs["image"]
    found: Any = BlobDetection(min_area=100).run(image).measurements["blob_locations"]
    assert found[0]["area_mm2"] == pytest.approx(found[0]["area"] / 4)
    assert found[0]["cx_mm"] == pytest.approx(found[0]["cx"] / 2, abs=1e-3)
