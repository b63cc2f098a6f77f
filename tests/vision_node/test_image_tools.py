from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image, as_pixels
from vision_node.pipeline.tool import Params, ToolError
from vision_node.sources.drawing import draw_colors, draw_shapes
from vision_node.tools.blur import Blur
from vision_node.tools.crop import Crop
from vision_node.tools.grey import Grey
from vision_node.tools.intensity_statistics import IntensityStatistics
from vision_node.tools.morphology import Morphology
from vision_node.tools.perspective import Perspective
from vision_node.tools.resize import Resize
from vision_node.tools.sharpness import Sharpness
from vision_node.tools.threshold import Threshold

COLOURS = Image(draw_colors())
SHAPES = Image(draw_shapes())
SQUARE = {"width": 9, "height": 9}


def pixels(result: Any, port: str = "image") -> np.ndarray:
    made: np.ndarray = result.outputs[port].pixels
    return made


def test_a_channel_is_picked_and_inverted() -> None:
    red = pixels(Grey(channel="red").run(COLOURS), "grey")
    assert red[70, 70] == 210
    assert pixels(Grey(channel="red", invert=True).run(COLOURS), "grey")[70, 70] == 45
    assert pixels(Grey(channel="saturation").run(COLOURS), "grey")[5, 5] == 0
    grey = Image(np.full((4, 4), 7, np.uint8))
    assert (pixels(Grey(channel="blue").run(grey), "grey") == 7).all()


def test_one_size_keeps_the_proportions() -> None:
    assert pixels(Resize(width=160).run(SHAPES)).shape == (120, 160, 3)
    assert pixels(Resize(height=480).run(SHAPES)).shape == (480, 640, 3)
    assert pixels(Resize(width=10, height=50).run(SHAPES)).shape == (50, 10, 3)
    with pytest.raises(ToolError, match="million"):
        Resize(width=16000, height=16000).run(SHAPES)


def test_a_crop_is_cut_at_the_edge_and_refused_beyond_it() -> None:
    assert pixels(Crop(x=300, y=200, width=100, height=100).run(SHAPES)).shape == (40, 20, 3)
    with pytest.raises(ToolError, match="outside"):
        Crop(x=320, y=0, width=5, height=5).run(SHAPES)


def test_every_blur_takes_noise_away_and_bilateral_keeps_the_edge() -> None:
    step = np.zeros((60, 60), np.uint8)
    step[:, 30:] = 200
    noisy = np.clip(step + np.random.default_rng(3).normal(20, 6, step.shape), 0, 255)
    image = Image(noisy.astype(np.uint8))
    for method in ("gaussian", "median", "bilateral", "box"):
        made = pixels(Blur.model_validate({"method": method, "size": 7}).run(image)).astype(float)
        assert made[:, :20].std() < 0.6 * noisy[:, :20].std()
        if method in ("bilateral", "median"):
            assert (made[:, 31] - made[:, 28]).mean() > 190


def test_opening_removes_specks_and_closing_fills_gaps() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[10:30, 10:30] = 255
    mask[20, 20] = 0
    mask[40, 40] = 255
    opened = pixels(Morphology(operation="open").run(Image(mask)), "mask")
    assert opened[40, 40] == 0
    closed = Morphology(operation="close").run(Image(mask))
    assert pixels(closed, "mask")[20, 20] == 255
    assert closed.measurements["area_pixels"] == 401


def test_thresholds_split_bright_from_dark() -> None:
    fixed = Threshold(level=128).run(SHAPES)
    otsu = Threshold(method="otsu").run(SHAPES)
    assert np.array_equal(pixels(fixed, "mask"), pixels(otsu, "mask"))
    assert 30 <= otsu.outputs["level"] < 220
    dark = Threshold(level=128, polarity="dark").run(SHAPES)
    assert fixed.outputs["area_pixels"] + dark.outputs["area_pixels"] == 320 * 240


def test_an_adaptive_threshold_sees_through_uneven_light() -> None:
    slope = np.tile(np.linspace(20, 220, 300), (100, 1))
    marks = slope.copy()
    marks[40:60, 20:290:30] += 30
    tool = Threshold(method="adaptive", window=21, offset=15)
    mask = pixels(tool.run(Image(marks.astype(np.uint8))), "mask")
    assert cv2.countNonZero(mask) == 20 * 9
    assert tool.run(Image(marks.astype(np.uint8))).outputs["level"] is None
    dark = Threshold(method="adaptive", window=21, offset=15, polarity="dark")
    assert cv2.countNonZero(pixels(dark.run(Image(255 - marks.astype(np.uint8))), "mask")) == 180


def test_statistics_are_those_of_numpy() -> None:
    grey = np.random.default_rng(5).integers(10, 240, (80, 90), dtype=np.uint8)
    found = IntensityStatistics(bins=4).run(Image(grey)).measurements
    assert found["mean"] == pytest.approx(grey.mean(), abs=1e-3)
    assert found["deviation"] == pytest.approx(grey.std(), abs=1e-3)
    assert (found["minimum"], found["maximum"]) == (grey.min(), grey.max())
    assert found["median"] == pytest.approx(np.median(grey), abs=1)
    assert found["histogram"] == np.histogram(grey, 4, (0, 256))[0].tolist()


def test_statistics_keep_to_the_mask() -> None:
    grey = np.zeros((20, 20), np.uint8)
    grey[:10] = 100
    mask = Image((grey > 0).astype(np.uint8) * 255)
    result = IntensityStatistics().run(Image(grey), mask)
    assert (result.outputs["mean"], result.outputs["deviation"]) == (100, 0)
    nothing = IntensityStatistics().run(Image(grey), Image(np.zeros_like(grey)))
    assert nothing.outputs["mean"] is None
    with pytest.raises(ToolError, match="differ"):
        IntensityStatistics().run(Image(grey), Image(np.zeros((3, 3), np.uint8)))


@pytest.mark.parametrize("method", ["laplacian", "tenengrad"])
def test_a_blurred_picture_is_less_sharp(method: str) -> None:
    tool = Sharpness.model_validate({"method": method})
    blurred = Image(as_pixels(cv2.GaussianBlur(SHAPES.pixels, (9, 9), 3)))
    sharp, soft = (tool.run(image).outputs["sharpness"] for image in (SHAPES, blurred))
    assert sharp > 2 * soft
    judge = Sharpness.model_validate({"method": method, "minimum": (sharp + soft) / 2})
    assert judge.run(SHAPES).outputs["is_sharp"]
    assert not judge.run(blurred).outputs["is_sharp"]


def test_a_slanted_plate_is_straightened() -> None:
    corners = [[40, 60], [250, 30], [290, 200], [70, 220]]
    slanted = np.zeros((240, 320), np.uint8)
    cv2.fillPoly(slanted, [np.array(corners, np.int32)], (200,))
    tool = Perspective.model_validate({"corners": corners, "width": 100, "height": 80})
    result = tool.run(Image(slanted))
    assert pixels(result).shape == (80, 100)
    assert (pixels(result)[1:-1, 1:-1] > 150).all()
    back = result.outputs["image"].space.in_picture(np.array([[0.0, 0.0], [99.0, 79.0]]))
    assert back == pytest.approx(np.array([[40, 60], [290, 200]]), abs=1e-3)


@pytest.mark.parametrize(
    ("tool", "parameters", "field"),
    [
        (Blur, {"size": 4}, "size"),
        (Threshold, {"method": "adaptive", "window": 10}, "window"),
        (Threshold, {"method": "magic"}, "method"),
        (Resize, {"scale": 0}, "scale"),
        (Crop, {"x": -1, "y": 0, "width": 1, "height": 1}, "x"),
        (Morphology, {"size": 0}, "size"),
        (Perspective, {**SQUARE, "corners": [[0, 0], [9, 9], [9, 0], [0, 9]]}, "corners"),
        (Perspective, {**SQUARE, "corners": [[0, 0], [0, 9], [9, 9], [9, 0]]}, "corners"),
    ],
)
def test_bad_parameters_are_named(
    tool: type[Params], parameters: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        tool.model_validate(parameters)
    assert {error["loc"][0] for error in caught.value.errors()} == {field}
