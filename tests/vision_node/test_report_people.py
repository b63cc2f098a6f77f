"""People as tracking wants them: in the camera's own pixels, with badge and motion."""

from typing import Any

import numpy as np

from vision_node.detections import Detection, Detections
from vision_node.imaging import Image
from vision_node.tools.report_people import ReportPeople

PICTURE = Image(np.zeros((240, 320, 3), np.uint8))


def person(**fields: Any) -> Detection:
    values: dict[str, Any] = {"x1": 10.0, "y1": 20.0, "x2": 30.0, "y2": 100.0, "confidence": 0.9}
    return Detection(**{**values, "label": "person", **fields})


def seen(*people: Detection) -> Any:
    tool = ReportPeople(camera_id="CAM01", width_px=640, height_px=480)
    result = tool.run(Detections(people), PICTURE)
    return result.measurements["observations"]


def test_boxes_are_in_pixels_of_the_cameras_resolution() -> None:
    assert seen(person(track_id=7, motion=0.25, badge="3")) == [
        {
            "track_id": 7,
            "bbox": [20.0, 40.0, 60.0, 200.0],
            "confidence": 0.9,
            "motion": 0.25,
            "badge_id": "3",
        }
    ]


def test_who_has_no_track_yet_is_not_reported() -> None:
    assert seen(person()) == []


def test_who_cannot_be_told_to_stand_still_is_taken_to_move() -> None:
    (one,) = seen(person(track_id=1))
    assert one["motion"] == 1.0
