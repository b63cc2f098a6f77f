"""Gives detections numbers that they keep from frame to frame."""

from dataclasses import replace
from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.detections import Detection, Detections
from vision_node.imaging import Image
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)
from vision_node.tracking import Tracker, TrackerConfig


class TrackObjects(Params):
    """Follow objects through a video; with a motion mask it also says how much each one moves."""

    category: ClassVar[str] = "tracking"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("detections", PortType.DETECTIONS),
        takes("motion", PortType.MASK, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("tracks", PortType.TRACKS),
        gives("count", PortType.NUMBER, unit="count"),
        gives("total", PortType.NUMBER, unit="count"),
    )
    example: ClassVar[Example] = sample_pipeline(
        "people", ("people_detection", {"min_confidence": 0.2}), ("track_objects", {})
    )

    tool: Literal["track_objects"] = "track_objects"
    certain: float = Field(
        0.6, gt=0, le=1, description="Boxes from here on are joined to tracks first."
    )
    uncertain: float = Field(
        0.1, ge=0, le=1, description="Boxes above this continue a track that is in sight."
    )
    new: float = Field(0.7, gt=0, le=1, description="Boxes from here on may begin a track.")
    min_overlap: float = Field(
        0.2, gt=0, lt=1, description="Least overlap with where a track is expected."
    )
    patience_frames: Whole = Field(
        30, ge=0, le=1000, description="Frames for which a hidden object is waited for."
    )
    min_hits: Whole = Field(2, ge=1, le=20, description="Frames before a track gets its number.")

    def new_memory(self) -> "_Stream":
        """A tracker, and the numbers that it has given out."""
        config = TrackerConfig(
            certain=self.certain,
            uncertain=self.uncertain,
            new=self.new,
            min_overlap=self.min_overlap,
            patience=self.patience_frames,
            min_hits=self.min_hits,
        )
        return _Stream(Tracker(config))

    def run(self, detections: Detections, memory: "_Stream", motion: Image | None = None) -> Result:
        """Detections of one frame → those that belong to a track, each with its number."""
        items = detections.items
        boxes = np.array([(d.x1, d.y1, d.x2, d.y2) for d in items], np.float64).reshape(-1, 4)
        scores = np.array([d.confidence for d in items], np.float64)
        pairs = memory.tracker.update(boxes, scores)
        if motion is not None and motion.space.to_picture != detections.space.to_picture:
            raise ToolError("the motion mask and the detections are of different pictures")
        tracked = tuple(
            replace(items[index], track_id=number, motion=_motion(items[index], motion))
            for index, number in pairs
        )
        memory.numbers |= {number for _, number in pairs}
        tracks = Detections(tracked, detections.space)
        listed: list[JsonValue] = [one.as_json() for one in tracked]
        return Result(
            outputs={"tracks": tracks, "count": len(tracked), "total": len(memory.numbers)},
            measurements={"tracks": len(tracked), "total": len(memory.numbers), "objects": listed},
            overlay=tracks.shapes(),
            drawn_in=detections.space,
        )


class _Stream:
    """What one stream remembers."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.numbers: set[int] = set()


def _motion(detection: Detection, mask: Image | None) -> float | None:
    """Part of the box that moves, 0 to 1."""
    if mask is None:
        return None
    x1, y1 = max(0, int(detection.x1)), max(0, int(detection.y1))
    part = mask.pixels[y1 : max(y1, int(detection.y2)), x1 : max(x1, int(detection.x2))]
    return cv2.countNonZero(part) / part.size if part.size else 0.0
