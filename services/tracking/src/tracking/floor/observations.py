"""What goes into the core: frames with their tracks, zones, and the rules' times and distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tracking.floor.geometry import XY, Polygon

Seconds = float


@dataclass(frozen=True, slots=True)
class Track:
    """One person in one frame; `foot` is the bottom centre of the unclipped box, in px."""

    track_id: str
    foot: XY
    motion: float
    worker_id: str | None = None
    badge_id: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a camera; `time_s` is its own time, in seconds since 1970."""

    time_s: Seconds
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone in force."""

    zone_id: str
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class Rules:
    """The contract's times and distances, with its defaults (chapter 6)."""

    entry_hold_s: Seconds = 1.0
    exit_hold_s: Seconds = 3.0
    border_margin_px: float = 5.0
    idle_motion: float = 0.15
    idle_after_s: Seconds = 10.0
    stitch_s: Seconds = 5.0
    session_timeout_s: Seconds = 1800.0


@dataclass(frozen=True, slots=True)
class Identities:
    """Which worker wears which badge."""

    worker_of_badge: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def worker_of(self, track: Track) -> str | None:
        """Who this track says it is, None when it does not say or nobody wears the badge."""
        if track.worker_id is not None:
            return track.worker_id
        return self.worker_of_badge.get(track.badge_id) if track.badge_id else None
