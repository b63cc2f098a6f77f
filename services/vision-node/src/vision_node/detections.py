"""What detectors hand on: named boxes in pixels, and tracks, which are boxes that keep a number."""

from dataclasses import dataclass

from pydantic import JsonValue

from vision_node.overlay import Box, Shape
from vision_node.spaces import PICTURE, Space


@dataclass(frozen=True, slots=True)
class Detection:
    """One object: box by its corners in pixels, not clipped, and what it is."""

    x1: float
    y1: float
    x2: float
    y2: float
    confidence: float
    label: str
    track_id: int | None = None
    motion: float | None = None
    badge: str | None = None

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of its lower edge: where a person stands."""
        return (self.x1 + self.x2) / 2, self.y2

    @property
    def name(self) -> str:
        """What is written beside it."""
        number = "" if self.track_id is None else f" {self.track_id}"
        return f"{self.label}{number} {self.confidence:.2f}"

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in `results`."""
        found: dict[str, JsonValue] = {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "bbox": [round(value, 2) for value in (self.x1, self.y1, self.x2, self.y2)],
        }
        extra = {"track_id": self.track_id, "badge_id": self.badge}
        if self.motion is not None:
            found["motion"] = round(self.motion, 3)
        return {**found, **{name: value for name, value in extra.items() if value is not None}}


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """All of one frame, the most certain first."""

    items: tuple[Detection, ...]
    space: Space = PICTURE

    def shapes(self) -> tuple[Shape, ...]:
        """Their boxes with what they are."""
        return tuple(
            Box(
                x=round(one.x1, 1),
                y=round(one.y1, 1),
                width=round(max(1.0, one.x2 - one.x1), 1),
                height=round(max(1.0, one.y2 - one.y1), 1),
                label=one.name,
            )
            for one in self.items
        )
