import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image
from vision_node.pipeline.tool import ToolError
from vision_node.spaces import PICTURE, Homography
from vision_node.tools.contours import Contours
from vision_node.tools.size_sorting import SizeSorting

TENTH_MM = PICTURE.calibrated(Homography(np.diag([0.1, 0.1, 1.0])))


def plate() -> np.ndarray:
    mask = np.zeros((200, 300), np.uint8)
    mask[50:90, 100:200] = 255
    mask[60:70, 120:130] = 0
    return mask


def shapes(mask: np.ndarray, **parameters: Any) -> list[dict[str, Any]]:
    found: Any = Contours(**parameters).run(Image(mask)).measurements["shapes"]
    return list(found)


def test_a_plate_is_measured_with_its_hole() -> None:
    (found,) = shapes(plate())
    assert (found["length"], found["width"]) == pytest.approx((100, 40), abs=1e-3)
    assert found["area"] == np.count_nonzero(plate())
    assert (found["x"], found["y"]) == pytest.approx((149.5, 69.5))
    assert found["holes"] == 1
    assert found["angle_deg"] == pytest.approx(0)
    assert found["solidity"] > 0.95


@pytest.mark.parametrize("angle", [0, 20, 75, 130])
def test_length_width_and_angle_of_a_turned_bar(angle: float) -> None:
    mask = np.zeros((300, 300), np.uint8)
    corners = cv2.boxPoints(((150, 150), (160, 30), angle))
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], (255,))
    (found,) = shapes(mask)
    assert (found["length"], found["width"]) == pytest.approx((161, 31), abs=1.5)
    assert (found["angle_deg"] - angle + 90) % 180 - 90 == pytest.approx(0, abs=1)
    assert found["aspect_ratio"] == pytest.approx(31 / 161, abs=0.02)


def test_a_disc_is_round_and_a_star_is_not() -> None:
    mask = np.zeros((200, 200), np.uint8)
    cv2.circle(mask, (100, 100), 60, (255,), cv2.FILLED)
    (disc,) = shapes(mask)
    assert disc["circularity"] > 0.88
    assert disc["diameter"] == pytest.approx(120, abs=0.5)
    (cross,) = shapes(_cross())
    assert cross["circularity"] < 0.5
    assert cross["solidity"] < 0.7


def _cross() -> np.ndarray:
    mask = np.zeros((200, 200), np.uint8)
    mask[90:110, 20:180] = 255
    mask[20:180, 90:110] = 255
    return mask


def test_limits_and_border() -> None:
    mask = plate()
    mask[0:20, 0:20] = 255
    assert len(shapes(mask)) == 2
    assert len(shapes(mask, skip_border=True)) == 1
    assert len(shapes(mask, max_area=500)) == 1
    assert shapes(np.zeros((5, 5), np.uint8)) == []
    nothing = Contours().run(Image(np.zeros((5, 5), np.uint8)))
    assert nothing.outputs["length"] is None


def test_a_calibrated_mask_is_measured_in_millimetres() -> None:
    found = Contours().run(Image(plate(), TENTH_MM)).outputs
    assert (found["length_mm"], found["width_mm"]) == pytest.approx((10, 4), abs=1e-3)


def sort(mask: Image, **parameters: Any) -> Any:
    regions = Contours(min_area=1).run(mask).outputs["regions"]
    return SizeSorting.model_validate(parameters).run(regions)


def discs(*radii: int) -> np.ndarray:
    mask = np.zeros((100, 100 * len(radii)), np.uint8)
    for number, radius in enumerate(radii):
        cv2.circle(mask, (50 + 100 * number, 50), radius, (255,), cv2.FILLED)
    return mask


def test_shapes_are_sorted_by_size_and_counted() -> None:
    classes = [
        {"name": "M4", "minimum": 10, "maximum": 30},
        {"name": "M8", "minimum": 30, "maximum": 70},
    ]
    result = sort(Image(discs(8, 12, 25, 45)), measure="diameter", classes=classes)
    assert result.measurements["classes"] == {"M4": 2, "M8": 1}
    assert result.outputs["unsorted"] == 1
    assert not result.outputs["is_all_sorted"]
    assert result.outputs["largest"] == "M4"
    assert [shape.role for shape in result.overlay] == ["fail", "found", "found", "found"]


def test_sorting_in_millimetres_needs_a_calibration() -> None:
    classes = [{"name": "all"}]
    with pytest.raises(ToolError, match="calibration"):
        sort(Image(discs(20)), measure="diameter_mm", classes=classes)
    found = sort(Image(discs(20), TENTH_MM), measure="diameter_mm", classes=classes)
    items = found.measurements["items"]
    assert items[0]["diameter_mm"] == pytest.approx(0.1 * 2 * math.sqrt(1257 / math.pi), rel=0.03)


@pytest.mark.parametrize(
    "classes",
    [
        [],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "minimum": 5, "maximum": 5}],
        [{"name": ""}],
        [{"name": "a", "size": 4}],
    ],
)
def test_unsound_classes_are_refused(classes: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError) as caught:
        SizeSorting.model_validate({"classes": classes})
    assert {error["loc"][0] for error in caught.value.errors()} == {"classes"}
