from typing import Any

import orjson

from vision_node.pipeline.fitting import fit


def results(shapes: int, listed: int) -> dict[str, Any]:
    blobs = [{"x": number, "y": number} for number in range(listed)]
    return {
        "blob_count": listed,
        "blob_locations": blobs,
        "tools": {"blob_detection": {"blob_count": listed, "blob_locations": blobs}},
        "overlay": {"width": 9, "height": 9, "shapes": [{"kind": "point"}] * shapes, "omitted": 1},
    }


def test_results_that_fit_are_left_alone() -> None:
    whole = results(10, 10)
    assert fit(whole) is whole


def test_the_overlay_goes_first_and_is_counted() -> None:
    fitted = fit(results(1000, 10), max_bytes=5000)
    assert fitted["overlay"]["shapes"] == []
    assert fitted["overlay"]["omitted"] == 1001
    assert len(fitted["blob_locations"]) == 10
    assert fitted["is_shortened"]


def test_then_long_lists_are_cut_and_counts_stay_true() -> None:
    whole = results(1000, 5000)
    fitted = fit(whole, max_bytes=5000)
    assert len(orjson.dumps(fitted)) < 5000
    assert fitted["blob_count"] == fitted["tools"]["blob_detection"]["blob_count"] == 5000
    assert len(whole["tools"]["blob_detection"]["blob_locations"]) == 5000
