"""ArUco badges (Garrido-Jurado and others, 2014), and whose they are where people are known."""

from dataclasses import replace
from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.detections import Detection, Detections
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Polygon, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

_DICTIONARIES = {
    "4x4_50": cv2.aruco.DICT_4X4_50,
    "4x4_250": cv2.aruco.DICT_4X4_250,
    "5x5_100": cv2.aruco.DICT_5X5_100,
    "6x6_250": cv2.aruco.DICT_6X6_250,
    "apriltag_36h11": cv2.aruco.DICT_APRILTAG_36h11,
}


class ReadBadges(Params):
    """Read ArUco badges; with people joined, each badge goes to the person that wears it."""

    category: ClassVar[str] = "identification"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("people", PortType.DETECTIONS, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("people", PortType.TRACKS),
        gives("count", PortType.NUMBER, unit="count"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "badges", ("read_badges", {"dictionary": "4x4_50"})
    )

    tool: Literal["read_badges"] = "read_badges"
    dictionary: Literal["4x4_50", "4x4_250", "5x5_100", "6x6_250", "apriltag_36h11"] = Field(
        "4x4_50", description="The family of the badges."
    )
    prefix: str = Field("", max_length=40, description="Stands before the number in badge_id.")

    def run(self, image: Image, people: Detections | None = None) -> Result:
        """Any image → badges; people come out with the badge inside their box, if there is one."""
        dictionary = cv2.aruco.getPredefinedDictionary(_DICTIONARIES[self.dictionary])
        detector = cv2.aruco.ArucoDetector(dictionary)
        corners, numbers, _ = detector.detectMarkers(grey_pixels(image))
        # OpenCV gives None, not an empty array, where there is no badge.
        known = np.asarray([] if not corners else numbers, int).ravel()
        found = [
            (f"{self.prefix}{number}", np.asarray(four, np.float64).reshape(4, 2))
            for four, number in zip(corners, known.tolist(), strict=True)
        ]
        found.sort(key=lambda badge: badge[0])
        worn = None if people is None else _worn(people, found)
        shapes: list[Shape] = [
            Polygon(points=tuple((float(x), float(y)) for x, y in four), label=name)
            for name, four in found
        ]
        badges: list[JsonValue] = [
            {"badge_id": name, "x": round(float(x), 2), "y": round(float(y), 2)}
            for name, four in found
            for x, y in [four.mean(axis=0)]
        ]
        return Result(
            outputs={"people": worn, "count": len(found), "is_found": bool(found)},
            measurements={"count": len(found), "badges": badges},
            overlay=tuple(shapes),
        )


def _worn(people: Detections, badges: list[tuple[str, np.ndarray]]) -> Detections:
    """Each badge to the smallest box around it."""
    worn: dict[int, str] = {}
    for name, four in badges:
        x, y = four.mean(axis=0)
        holders = [
            (_area(person), place)
            for place, person in enumerate(people.items)
            if person.x1 <= x <= person.x2 and person.y1 <= y <= person.y2
        ]
        if holders:
            worn[min(holders)[1]] = name
    items = tuple(
        replace(person, badge=worn[place]) if place in worn else person
        for place, person in enumerate(people.items)
    )
    return Detections(items, people.space)


def _area(person: Detection) -> float:
    return (person.x2 - person.x1) * (person.y2 - person.y1)
