"""`POST /api/v1/observations` on the wire (contract, chapter 6)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from common.moments import WrittenMoment
from tracking.schemas.wire import Reference, Wire

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)
_REACH_PX = 1_000_000


def _moment(stamp: datetime) -> datetime:
    aware = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
    if not _FIRST <= aware <= datetime.now(UTC) + _AHEAD:
        raise PydanticCustomError(
            "timestamp", "Must lie after the year 2000 and at most a day ahead."
        )
    return aware


# Strict: a flag is no number, and a text of many digits no other frame's id.
Pixels = Annotated[float, Field(strict=True, ge=-_REACH_PX, le=_REACH_PX)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Number = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1)]


class TrackIn(Wire):
    """One person in a frame; the box is of the whole body, and may reach out of the picture."""

    track_id: Number | Text
    bbox: Annotated[list[Pixels], Field(min_length=4, max_length=4)]
    confidence: Share = 1.0
    motion: Share
    worker_id: Reference | None = None
    badge_id: Reference | None = None

    @model_validator(mode="after")
    def _upright(self) -> "TrackIn":
        x1, y1, x2, y2 = self.bbox
        if x2 <= x1 or y2 <= y1:
            raise PydanticCustomError("bbox", "bbox must be [x1, y1, x2, y2] with x1<x2, y1<y2.")
        return self

    @property
    def foot(self) -> tuple[float, float]:
        """The bottom centre of the box, in px."""
        return (self.bbox[0] + self.bbox[2]) / 2, self.bbox[3]


class FrameIn(Wire):
    """One picture of a camera."""

    timestamp: Annotated[WrittenMoment, AfterValidator(_moment)]
    frame_id: Number | Text
    tracks: Annotated[list[TrackIn], Field(max_length=500)]


class Batch(Wire):
    """Frames of one camera, in any order."""

    camera_id: Reference
    frames: Annotated[list[FrameIn], Field(max_length=500)]


class Receipt(Wire):
    """What became of a batch: taken in, known already, too old."""

    accepted: int
    duplicates: int
    late: int
