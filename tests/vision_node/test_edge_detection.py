import numpy as np
import pytest
from pydantic import ValidationError

from vision_node.imaging import Image
from vision_node.tools.edge_detection import EdgeDetection


def half_bright(level: int = 200) -> Image:
    """Dark left of column 50, bright from there on."""
    picture = np.zeros((80, 100), np.uint8)
    picture[:, 50:] = level
    return Image(picture)


def test_canny_marks_a_straight_step_one_pixel_thin() -> None:
    result = EdgeDetection().run(half_bright())
    assert result.measurements["edge_pixels"] == 80
    assert result.measurements["edge_ratio"] == pytest.approx(80 / 8000)
    columns = np.flatnonzero(result.outputs["edges"].pixels.any(axis=0))
    assert columns.tolist() in ([49], [50])
    assert len(result.overlay) == 1


def test_sobel_marks_both_sides_of_a_step() -> None:
    result = EdgeDetection(method="sobel").run(half_bright())
    assert result.measurements["edge_pixels"] == 160


def test_a_weak_edge_counts_only_where_it_touches_a_strong_one() -> None:
    picture = half_bright().pixels.copy()
    picture[:40, 50:] = 25  # gradient 100 above, 800 below
    picture[:, 80:] = picture[:, 79:80]
    parameters = {"method": "sobel", "low_threshold": 50, "high_threshold": 400}
    touching = EdgeDetection.model_validate(parameters).run(Image(picture))
    assert touching.outputs["edges"].pixels[:38, 49].all()
    alone = EdgeDetection.model_validate(parameters).run(half_bright(25))
    assert alone.measurements["edge_pixels"] == 0


def test_a_flat_picture_has_no_edge() -> None:
    for method in ("canny", "sobel"):
        result = EdgeDetection(method=method).run(Image(np.full((9, 9, 3), 77, np.uint8)))
        assert result.measurements == {"edge_pixels": 0, "edge_ratio": 0.0}


def test_thresholds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValidationError, match="high_threshold must not be less"):
        EdgeDetection(low_threshold=100, high_threshold=50)
