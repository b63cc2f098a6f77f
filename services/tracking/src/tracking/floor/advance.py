"""`advance`: a camera's state and its next frames give the next state and what happened.

A Schmitt trigger decides whether a foot is in a zone: it gets in at the border and out only beyond
the margin. Holds then decide whether that makes a stay: it must last for the entry hold, and its
end for the exit hold; both are dated back to the crossing. Time is the frames' own; a time without
frames is unseen, and no hold advances in it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from tracking.floor.geometry import Areas
from tracking.floor.observations import Frame, Identities, Rules, Seconds, Track, Zone
from tracking.floor.sessions import Event, Session

Presence = tuple[str, str]  # track, zone


@dataclass(frozen=True, slots=True)
class Candidate:
    """A foot that is in a zone, but not long enough yet."""

    since_s: Seconds
    still_since_s: Seconds | None


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a camera's past means for its future; as JSON it is a row's column."""

    clock_s: Seconds | None = None
    candidates: dict[Presence, Candidate] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    just_ended: dict[str, Session] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "clock_s": self.clock_s,
            "candidates": [[*k, c.since_s, c.still_since_s] for k, c in self.candidates.items()],
            "sessions": [session.as_json() for session in self.sessions.values()],
            "just_ended": [session.as_json() for session in self.just_ended.values()],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The state that `as_json` wrote."""
        return cls(
            clock_s=values["clock_s"],
            candidates={(t, z): Candidate(s, still) for t, z, s, still in values["candidates"]},
            sessions=_by_key(values["sessions"]),
            just_ended=_by_key(values["just_ended"]),
        )


def _by_key(sessions: Iterable[dict[str, Any]]) -> dict[str, Session]:
    return {values["key"]: Session.from_json(values) for values in sessions}


def areas_of(zones: Iterable[Zone], rules: Rules) -> Areas:
    """The zones as `advance` asks them; worth keeping from batch to batch."""
    polygons = {zone.zone_id: zone.polygon for zone in zones}
    return Areas(polygons, margin_px=rules.border_margin_px)


def advance(
    state: State,
    frames: Iterable[Frame],
    *,
    zones: Sequence[Zone] | Areas,
    rules: Rules,
    identities: Identities | None = None,
) -> tuple[State, list[Event]]:
    """Take frames in, in any order; the caller sees to it that none is older than the state.

    Args:
        state: what is known of the camera; not changed.
        frames: new frames.
        zones: the camera's zones in force.
        rules: holds, margin, idleness.
        identities: which worker wears which badge.

    Returns:
        The next state, and what happened, in order.
    """
    floor = Floor(state, zones=zones, rules=rules, identities=identities or Identities())
    events: list[Event] = []
    for frame in sorted(frames, key=lambda f: f.time_s):
        events += floor.take(frame)
    return floor.state(), events


class Floor:
    """The state while it is worked on, one frame after the other."""

    def __init__(
        self, state: State, *, zones: Sequence[Zone] | Areas, rules: Rules, identities: Identities
    ) -> None:
        self._areas = zones if isinstance(zones, Areas) else areas_of(zones, rules)
        self._rules = rules
        self._identities = identities
        self._clock_s = state.clock_s
        self._candidates = dict(state.candidates)
        self._sessions = dict(state.sessions)
        self._just_ended = dict(state.just_ended)
        self._of_presence = {(s.track_id, s.zone_id): key for key, s in self._sessions.items()}

    @property
    def clock_s(self) -> Seconds | None:
        """The newest frame's time."""
        return self._clock_s

    @property
    def sessions(self) -> Mapping[str, Session]:
        """Open sessions by key."""
        return self._sessions

    def state(self) -> State:
        """The state as it is now."""
        return State(
            clock_s=self._clock_s,
            candidates=self._candidates,
            sessions=self._sessions,
            just_ended=self._just_ended,
        )

    def take(self, frame: Frame) -> Iterator[Event]:
        """One frame: time passes, feet are in zones or not, stays end."""
        now_s = frame.time_s
        passed_s = 0.0 if self._clock_s is None else now_s - self._clock_s
        if passed_s > self._rules.exit_hold_s:
            yield from self._pass_unseen(now_s)
            passed_s = 0.0
        self._clock_s = now_s
        inside = self._inside({track.track_id: track for track in frame.tracks})
        yield from self._sight(inside, now_s)
        yield from self._miss(inside, passed_s)
        yield from self._confirm(inside, now_s)

    def _inside(self, present: Mapping[str, Track]) -> dict[Presence, Track]:
        was_in: dict[str, list[str]] = {}
        for track_id, zone_id in (*self._of_presence, *self._candidates):
            was_in.setdefault(track_id, []).append(zone_id)
        return {
            (track_id, zone_id): track
            for track_id, track in present.items()
            for zone_id in self._areas.holding(track.foot, was_in.get(track_id, ()))
        }

    def expire(self) -> Iterator[Event]:
        """End every session: nothing has been seen for so long that nobody knows."""
        for key in list(self._sessions):
            yield self._end(key)
        self._candidates.clear()
        self._just_ended.clear()

    def _pass_unseen(self, now_s: Seconds) -> Iterator[Event]:
        assert self._clock_s is not None
        self._candidates.clear()
        is_too_long = now_s - self._clock_s > self._rules.session_timeout_s
        for key, session in list(self._sessions.items()):
            if is_too_long:
                yield self._end(key)
            else:
                self._sessions[key] = session.darkened(self._clock_s)
        if is_too_long:
            self._just_ended.clear()

    def _sight(self, inside: dict[Presence, Track], now_s: Seconds) -> Iterator[Event]:
        for presence, track in inside.items():
            key = self._of_presence.get(presence)
            if key is None:
                continue
            session, events = self._sessions[key].seen(track, at_s=now_s, rules=self._rules)
            self._sessions[key] = session
            yield from events
            worker = self._identities.worker_of(track)
            if worker is not None and session.worker_id is None:
                self._sessions[key] = named = replace(session, worker_id=worker)
                yield Event("identified", now_s, named)

    def _miss(self, inside: dict[Presence, Track], passed_s: Seconds) -> Iterator[Event]:
        for key, session in list(self._sessions.items()):
            if (session.track_id, session.zone_id) in inside:
                continue
            missing_s = session.missing_s + passed_s
            self._sessions[key] = replace(session, missing_s=missing_s)
            if missing_s >= self._rules.exit_hold_s or session.zone_id not in self._areas.names:
                yield self._end(key)

    def _end(self, key: str) -> Event:
        ended = self._sessions.pop(key).ended()
        del self._of_presence[(ended.track_id, ended.zone_id)]
        self._just_ended[key] = ended
        assert ended.exit_s is not None
        return Event("exit", ended.exit_s, ended)

    def _confirm(self, inside: dict[Presence, Track], now_s: Seconds) -> Iterator[Event]:
        """Feet that have been in a zone for the entry hold open a stay, or go on with one."""
        for presence in [p for p in self._candidates if p not in inside]:
            del self._candidates[presence]
        for presence, track in inside.items():
            if presence in self._of_presence:
                continue
            candidate = self._watched(presence, track, now_s)
            if now_s - candidate.since_s >= self._rules.entry_hold_s:
                del self._candidates[presence]
                yield from self._open(track, presence[1], candidate=candidate, now_s=now_s)
        horizon_s = now_s - self._rules.stitch_s - self._rules.entry_hold_s - 1
        self._just_ended = {k: s for k, s in self._just_ended.items() if s.last_in_s >= horizon_s}

    def _watched(self, presence: Presence, track: Track, now_s: Seconds) -> Candidate:
        known = self._candidates.get(presence)
        is_still = track.motion < self._rules.idle_motion
        if known is None:
            known = Candidate(now_s, now_s if is_still else None)
        elif not is_still:
            known = replace(known, still_since_s=None)
        elif known.still_since_s is None:
            known = replace(known, still_since_s=now_s)
        self._candidates[presence] = known
        return known

    def _open(
        self, track: Track, zone_id: str, *, candidate: Candidate, now_s: Seconds
    ) -> Iterator[Event]:
        worker = self._identities.worker_of(track)
        earlier = self._earlier_stay(track, zone_id, worker=worker, since_s=candidate.since_s)
        if earlier is not None:
            yield from self._go_on(earlier, track, worker=worker, now_s=now_s)
            return
        session = Session(
            key=_key(
                worker or f"UNKNOWN-{track.track_id}", zone_id, candidate.since_s, self._taken
            ),
            zone_id=zone_id,
            track_id=track.track_id,
            worker_id=worker,
            entry_s=candidate.since_s,
            state="active",
            since_s=candidate.since_s,
            last_in_s=now_s,
            place=track.foot,
            still_since_s=candidate.still_since_s,
            motion_sum=track.motion,
            sights=1,
        )
        self._keep(session)
        yield Event("entry", session.entry_s, session)

    def _keep(self, session: Session) -> None:
        self._sessions[session.key] = session
        self._of_presence[(session.track_id, session.zone_id)] = session.key

    def _taken(self, key: str) -> bool:
        return key in self._sessions or key in self._just_ended

    def _earlier_stay(
        self, track: Track, zone_id: str, *, worker: str | None, since_s: Seconds
    ) -> Session | None:
        """The stay that this track goes on with: ended or lost just before, and the nearest."""
        lost = [s for s in self._sessions.values() if s.missing_s > 0]
        fitting = [
            session
            for session in (*lost, *self._just_ended.values())
            if session.zone_id == zone_id
            and 0 <= since_s - session.last_in_s <= self._rules.stitch_s
            and (worker is None or session.worker_id in (None, worker))
        ]
        return min(fitting, key=lambda s: math.dist(s.place, track.foot), default=None)

    def _go_on(
        self, earlier: Session, track: Track, *, worker: str | None, now_s: Seconds
    ) -> Iterator[Event]:
        was_ended = self._just_ended.pop(earlier.key, None) is not None
        if not was_ended:
            del self._of_presence[(earlier.track_id, earlier.zone_id)]
        session = replace(
            earlier,
            track_id=track.track_id,
            worker_id=earlier.worker_id or worker,
            exit_s=None,
        )
        session, events = session.seen(track, at_s=now_s, rules=self._rules)
        self._keep(session)
        yield Event("continued", now_s, session)
        yield from events


def _key(name: str, zone_id: str, entry_s: Seconds, is_taken: Any) -> str:
    """The session's id as documented, `W001_Z01_20250115_083542`; numbered when it is taken."""
    stamp = datetime.fromtimestamp(entry_s, UTC).strftime("%Y%m%d_%H%M%S")
    key = base = f"{name}_{zone_id}_{stamp}"
    number = 2
    while is_taken(key):
        key = f"{base}_{number}"
        number += 1
    return key
