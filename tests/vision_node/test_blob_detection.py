import math
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image
from vision_node.regions import MAX_LISTED
from vision_node.sources.drawing import BLOBS, draw_blobs
from vision_node.tools.blob_detection import BlobDetection


def smooth_disc(cx: float, cy: float, radius: float, *, noise: float = 0.0) -> Image:
    """A disc of level 200 on 40, its edge pixels grey by how much of them it covers."""
    y, x = np.mgrid[0:200, 0:200]
    cover = np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1)
    grey = 40 + 160 * cover + np.random.default_rng(7).normal(0, noise, cover.shape)
    return Image(np.clip(np.rint(grey), 0, 255).astype(np.uint8))


def detect(image: Image, **parameters: Any) -> dict[str, Any]:
    return dict(BlobDetection(**parameters).run(image).measurements)


def test_the_blobs_of_the_sample_are_found_with_place_and_area() -> None:
    found = detect(Image(draw_blobs()), min_area=100, max_area=10000, threshold=128)
    assert found["blob_count"] == len(BLOBS)
    truth = sorted(BLOBS)
    for blob, (x, y, radius) in zip(
        sorted(found["blob_locations"], key=lambda b: b["cx"]), truth, strict=True
    ):
        assert (blob["cx"], blob["cy"]) == pytest.approx((x, y), abs=0.1)
        assert (blob["x"], blob["y"]) == (x - radius, y - radius)
        assert (blob["width"], blob["height"]) == (2 * radius + 1, 2 * radius + 1)
        assert blob["area"] == pytest.approx(math.pi * radius**2, rel=0.06)
        assert blob["circularity"] > 0.85
        assert blob["holes"] == 0


@pytest.mark.parametrize(("cx", "cy"), [(100.0, 100.0), (99.3, 101.7), (80.5, 120.25)])
def test_the_centroid_is_true_to_a_tenth_of_a_pixel_in_noise(cx: float, cy: float) -> None:
    found = detect(smooth_disc(cx, cy, 30.4, noise=5), threshold=120)
    blob = found["blob_locations"][0]
    assert math.hypot(blob["cx"] - cx, blob["cy"] - cy) < 0.1


def test_area_limits_include_both_ends_and_the_mask_holds_only_what_counts() -> None:
    picture = np.zeros((50, 50), np.uint8)
    picture[5:15, 5:15] = 255  # 100
    picture[20:30, 20:40] = 255  # 200
    picture[40:45, 5:10] = 255  # 25
    result = BlobDetection(min_area=100, max_area=200).run(Image(picture))
    assert result.measurements["blob_count"] == 2
    assert np.count_nonzero(result.outputs["mask"].pixels) == 300
    assert BlobDetection(min_area=101, max_area=199).run(Image(picture)).overlay == ()


def test_dark_blobs_are_at_or_below_the_threshold() -> None:
    picture = np.full((40, 40), 129, np.uint8)
    picture[10:20, 10:20] = 128
    assert detect(Image(picture), polarity="dark", threshold=128)["blob_count"] == 1
    assert detect(Image(picture), polarity="bright", threshold=128)["blob_count"] == 1
    assert detect(Image(picture), polarity="bright", threshold=129)["blob_count"] == 0


def test_holes_and_orientation_are_measured() -> None:
    picture = np.zeros((200, 200), np.uint8)
    corners = cv2.boxPoints(((100, 100), (120, 40), 30)).astype(np.int32)
    cv2.fillPoly(picture, [corners], (255,))
    cv2.circle(picture, (100, 100), 8, (0,), cv2.FILLED)
    blob = detect(Image(picture))["blob_locations"][0]
    assert blob["holes"] == 1
    assert blob["orientation_deg"] == pytest.approx(30, abs=1)


def test_a_picture_of_noise_lists_the_largest_and_counts_all() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 400), dtype=np.uint8)
    found = detect(Image(noise), min_area=1, threshold=220)
    assert len(found["blob_locations"]) == MAX_LISTED
    assert found["blob_count"] == MAX_LISTED + found["blob_locations_omitted"]


def test_blobs_close_to_the_threshold_are_less_certain() -> None:
    clear = BlobDetection(threshold=120).run(smooth_disc(100, 100, 30))
    close = BlobDetection(threshold=197).run(smooth_disc(100, 100, 30, noise=3))
    assert clear.confidence is not None
    assert close.confidence is not None
    assert clear.confidence > 0.95
    assert close.confidence < 0.5


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"threshold": 256}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "128"}, "threshold"),
        ({"min_area": -1}, "min_area"),
        ({"min_area": float("nan")}, "min_area"),
        ({"min_area": 10, "max_area": 5}, "max_area"),
        ({"polarity": "grey"}, "polarity"),
        ({"treshold": 3}, "treshold"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        BlobDetection(**parameters)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]
