"""A person's stay in a zone: its state, and the seconds that were active, idle and unseen.

Only what was seen changes a session. While its person is out of sight nothing is added; when the
stay goes on the time between counts on, and when it ends it ends at the last sight.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from tracking.floor.geometry import XY
from tracking.floor.observations import Rules, Seconds, Track

State = Literal["active", "idle", "unseen"]
EventKind = Literal[
    "entry", "idle_start", "active_resume", "unseen_start", "seen_resume", "exit",
    "continued", "identified",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a session, dated by the frames' own time.

    `continued` takes an `exit` back: a new track goes on with the stay. `identified` says whose
    stay it is. The others are the timeline's.
    """

    kind: EventKind
    time_s: Seconds
    session: "Session"


@dataclass(frozen=True, slots=True)
class Session:
    """One stay; the sums reach up to `since_s`, from there on the state holds."""

    key: str
    zone_id: str
    track_id: str
    worker_id: str | None
    entry_s: Seconds
    state: State
    since_s: Seconds
    last_in_s: Seconds
    place: XY
    active_s: Seconds = 0.0
    idle_s: Seconds = 0.0
    unseen_s: Seconds = 0.0
    still_since_s: Seconds | None = None
    missing_s: Seconds = 0.0
    motion_sum: float = 0.0
    sights: int = 0
    exit_s: Seconds | None = None
    dark_since_s: Seconds | None = None

    @property
    def name(self) -> str:
        """The worker, or a name for whom nobody knows."""
        return self.worker_id or f"UNKNOWN-{self.track_id}"

    def turned(self, state: State, at_s: Seconds) -> Self:
        """The session in another state from this time on."""
        spent = at_s - self.since_s
        sums = {f"{self.state}_s": getattr(self, f"{self.state}_s") + spent}
        return replace(self, state=state, since_s=at_s, **sums)

    def seen(self, track: Track, *, at_s: Seconds, rules: Rules) -> tuple[Self, list[Event]]:
        """The session after its person was seen in the zone, and what that changed."""
        session, events = self._lit(at_s)
        session = replace(
            session,
            last_in_s=at_s,
            missing_s=0.0,
            place=track.foot,
            motion_sum=self.motion_sum + track.motion,
            sights=self.sights + 1,
        )
        if track.motion >= rules.idle_motion:
            session = replace(session, still_since_s=None)
            if session.state == "idle":
                session = session.turned("active", at_s)
                return session, [*events, Event("active_resume", at_s, session)]
            return session, events
        if session.still_since_s is None:
            return replace(session, still_since_s=at_s), events
        if session.state == "active" and at_s - session.still_since_s >= rules.idle_after_s:
            still_s = max(session.still_since_s, session.since_s)
            session = session.turned("idle", still_s)
            return session, [*events, Event("idle_start", still_s, session)]
        return session, events

    def darkened(self, since_s: Seconds) -> Self:
        """The session while no frame comes; only who is seen again was there, unseen."""
        return self if self.dark_since_s is not None else replace(self, dark_since_s=since_s)

    def _lit(self, at_s: Seconds) -> tuple[Self, list[Event]]:
        """The session after its person was seen again: the time without frames is unseen."""
        if self.dark_since_s is None:
            return self, []
        dark = replace(self, dark_since_s=None).turned(
            "unseen", max(self.dark_since_s, self.since_s)
        )
        light = replace(dark.turned("active", at_s), still_since_s=None)
        return light, [
            Event("unseen_start", dark.since_s, dark),
            Event("seen_resume", at_s, light),
        ]

    def ended(self) -> Self:
        """The session at its end, which is the last sight."""
        end_s = max(self.last_in_s, self.since_s)
        return replace(self.turned(self.state, end_s), exit_s=end_s, dark_since_s=None)

    def as_json(self) -> dict[str, Any]:
        """The session as plain values, for the camera's state row."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The session that `as_json` wrote."""
        return cls(**{**values, "place": tuple(values["place"])})
