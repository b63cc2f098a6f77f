"""A batch of observations taken apart: what is new, what comes too late, what repeats. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tracking.floor.observations import Frame, Seconds, Track
from tracking.repository.intake import StoredFrame
from tracking.schemas.observations import Batch, FrameIn, TrackIn
from tracking.service.gone import BadField
from tracking.service.plans import Plan

LATE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch taken apart: new frames by id, ids of those that are too late, repeats within it."""

    fresh: dict[str, FrameIn]
    late: list[str]
    doubles: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A frame as it is stored, and as it is followed."""

    key: str
    frame: Frame
    tracks: str

    @classmethod
    def of(cls, key: str, frame: FrameIn) -> "Sheet":
        """A frame from the wire."""
        rows = [_row_of(track) for track in frame.tracks]
        return cls(key, frame_of(frame.timestamp.timestamp(), rows), orjson.dumps(rows).decode())

    @property
    def stored(self) -> StoredFrame:
        """Its row."""
        return self.key, self.frame.time_s, self.tracks


def sort_out(batch: Batch, clock_s: Seconds | None) -> Sorted:
    """Tell a batch's frames apart, by the camera's clock."""
    fresh: dict[str, FrameIn] = {}
    late: list[str] = []
    doubles = 0
    for frame in batch.frames:
        frame_id = str(frame.frame_id)
        if frame_id in fresh or frame_id in late:
            doubles += 1
        elif clock_s is not None and frame.timestamp.timestamp() < clock_s - LATE_S:
            late.append(frame_id)
        else:
            fresh[frame_id] = frame
    return Sorted(fresh, late, doubles)


def stranger_in(batch: Batch, plan: Plan) -> BadField | None:
    """What is wrong with the first track that names a worker whom nobody knows."""
    for number, frame in enumerate(batch.frames):
        for place, track in enumerate(frame.tracks):
            if track.worker_id is not None and track.worker_id not in plan.workers:
                return BadField(
                    f"frames.{number}.tracks.{place}.worker_id",
                    f"there is no worker {track.worker_id!r}",
                    worker_id=track.worker_id,
                )
    return None


def _row_of(track: TrackIn) -> list[Any]:
    x, y = track.foot
    return [str(track.track_id), x, y, track.motion, track.worker_id, track.badge_id]


def frame_of(time_s: Seconds, rows: Sequence[Any]) -> Frame:
    """A frame from its rows: track, foot, motion, worker, badge."""
    return Frame(
        time_s,
        tuple(
            Track(track, (x, y), motion, worker, badge)
            for track, x, y, motion, worker, badge in rows
        ),
    )
