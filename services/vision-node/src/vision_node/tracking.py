"""Follows objects from frame to frame: two-stage association on a Kalman filter.

BoT-SORT (Aharon and others, 2022) at its published thresholds, without camera motion and without
appearance: certain boxes first, weighted by how certain they are, then uncertain ones for the
tracks that are left. All tracks are filtered at once, as arrays.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_node.assignment import assign

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_POSITION = 1 / 20  # standard deviations as parts of the box's sides
_VELOCITY = 1 / 160
_SIDES = [2, 3, 2, 3]  # the noise of x and width goes by the width, of y and height by the height


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """What makes a track, and how many frames it is waited for."""

    certain: float = 0.6
    uncertain: float = 0.1
    new: float = 0.7
    min_overlap: float = 0.2
    second_overlap: float = 0.5
    young_overlap: float = 0.3
    patience: int = 30
    min_hits: int = 2


@dataclass(slots=True)
class Tracks:
    """`(N, …)` arrays: boxes as centre, width, height, their speeds, and Kalman's covariances.

    Each of the four coordinates is a filter of its own: `spread` is `(N, 3, 4)`, the variances of
    place, place with speed, and speed. `missed` counts frames since the last sight.
    """

    numbers: Indices = field(default_factory=lambda: np.empty(0, np.intp))
    states: Floats = field(default_factory=lambda: np.empty((0, 4)))
    speeds: Floats = field(default_factory=lambda: np.empty((0, 4)))
    spread: Floats = field(default_factory=lambda: np.empty((0, 3, 4)))
    hits: Indices = field(default_factory=lambda: np.empty(0, np.intp))
    missed: Indices = field(default_factory=lambda: np.empty(0, np.intp))
    is_confirmed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))

    def keep(self, which: NDArray[np.bool_]) -> "Tracks":
        """Some of them."""
        return Tracks(
            self.numbers[which],
            self.states[which],
            self.speeds[which],
            self.spread[which],
            self.hits[which],
            self.missed[which],
            self.is_confirmed[which],
        )

    def joined(self, other: "Tracks") -> "Tracks":
        """Both."""
        return Tracks(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.states, other.states]),
            np.concatenate([self.speeds, other.speeds]),
            np.concatenate([self.spread, other.spread]),
            np.concatenate([self.hits, other.hits]),
            np.concatenate([self.missed, other.missed]),
            np.concatenate([self.is_confirmed, other.is_confirmed]),
        )

    def predict(self) -> None:
        """One frame on."""
        squares = self.states[:, _SIDES] ** 2
        self.states += self.speeds
        np.maximum(self.states[:, 2:], 1.0, out=self.states[:, 2:])
        spread = self.spread
        spread[:, 0] += 2 * spread[:, 1] + spread[:, 2] + _POSITION**2 * squares
        spread[:, 1] += spread[:, 2]
        spread[:, 2] += _VELOCITY**2 * squares

    def correct(self, which: Indices, seen: Floats) -> None:
        """Take in `(K, 4)` boxes that were seen of K of them."""
        states, spread = self.states[which], self.spread[which]
        place, both, speed = spread[:, 0], spread[:, 1], spread[:, 2]
        whole = place + (_POSITION * states[:, _SIDES]) ** 2
        gain_place, gain_speed = place / whole, both / whole
        apart = seen - states
        self.states[which] = states + gain_place * apart
        self.speeds[which] += gain_speed * apart
        spread[:, 2] = speed - gain_speed * both
        spread[:, :2] *= (1 - gain_place)[:, None]
        self.spread[which] = spread
        self.hits[which] += 1
        self.missed[which] = 0


class Tracker:
    """The tracks of one stream; `update` takes one frame's boxes at a time, in order."""

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self._config = config or TrackerConfig()
        self._tracks = Tracks()
        self._next = 1
        self._frames = 0

    def update(self, boxes: Floats, scores: Floats) -> list[tuple[int, int]]:
        """Boxes `(N, 4)` x1, y1, x2, y2, scores `(N,)` → pairs of box index and track number.

        A track has no number to show before it was seen `min_hits` times, but for those of the
        first frame.
        """
        self._frames += 1
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        scores = np.asarray(scores, np.float64).ravel()
        tracks = self._tracks
        tracks.predict()
        tracks.missed += 1
        found = self._associate(boxes, scores)
        if found:
            rows, places = (np.array(side, np.intp) for side in zip(*found.items(), strict=True))
            tracks.correct(places, centred(boxes[rows]))
        tracks.is_confirmed |= tracks.hits >= self._config.min_hits
        shown = {
            row: int(tracks.numbers[place])
            for row, place in found.items()
            if tracks.is_confirmed[place]
        }
        limit = np.where(tracks.is_confirmed, self._config.patience, 0)
        is_kept = tracks.missed <= limit
        if not is_kept.all():
            self._tracks = tracks.keep(is_kept)
        self._begin(boxes, scores, found=found, shown=shown)
        return sorted(shown.items())

    def _associate(self, boxes: Floats, scores: Floats) -> dict[int, int]:
        """The place of the track that each box continues, by the box's index."""
        config, tracks = self._config, self._tracks
        found: dict[int, int] = {}
        certain = np.flatnonzero(scores >= config.certain)
        uncertain = np.flatnonzero((scores > config.uncertain) & (scores < config.certain))
        known = np.flatnonzero(tracks.is_confirmed)
        self._join(boxes, certain, known, found, least=config.min_overlap, weights=scores)
        if len(uncertain):
            taken = set(found.values())
            seen = [one for one in known.tolist() if tracks.missed[one] == 1 and one not in taken]
            left = np.array(seen, np.intp)
            self._join(boxes, uncertain, left, found, least=config.second_overlap)
        young = np.flatnonzero(~tracks.is_confirmed)
        if len(young):
            rest = np.array([row for row in certain.tolist() if row not in found], np.intp)
            self._join(boxes, rest, young, found, least=config.young_overlap, weights=scores)
        return found

    def _join(
        self,
        boxes: Floats,
        rows: Indices,
        places: Indices,
        found: dict[int, int],
        *,
        least: float,
        weights: Floats | None = None,
    ) -> None:
        if not len(rows) or not len(places):
            return
        states = self._tracks.states[places]
        half = states[:, 2:] / 2
        expected = np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1)
        likeness = overlap(boxes[rows], expected)
        if weights is not None:
            likeness = likeness * weights[rows][:, None]
        for row, column in assign(likeness, least=least):
            found[int(rows[row])] = int(places[column])

    def _begin(
        self, boxes: Floats, scores: Floats, *, found: dict[int, int], shown: dict[int, int]
    ) -> None:
        unclaimed = np.flatnonzero(scores >= self._config.new).tolist()
        rows = np.array([row for row in unclaimed if row not in found], np.intp)
        if not len(rows):
            return
        states = centred(boxes[rows])
        sides = np.tile(states[:, 2:], 2)
        place, speed = (2 * _POSITION * sides) ** 2, (10 * _VELOCITY * sides) ** 2
        numbers = np.arange(self._next, self._next + len(rows))
        is_shown = self._frames == 1 or self._config.min_hits <= 1
        self._next += len(rows)
        self._tracks = self._tracks.joined(
            Tracks(
                numbers,
                states,
                np.zeros((len(rows), 4)),
                np.stack([place, np.zeros_like(place), speed], axis=1),
                np.ones(len(rows), np.intp),
                np.zeros(len(rows), np.intp),
                np.full(len(rows), is_shown),
            )
        )
        if is_shown:
            shown.update(zip(rows.tolist(), numbers.tolist(), strict=True))


def centred(boxes: Floats) -> Floats:
    """`(N, 4)` x1, y1, x2, y2 → cx, cy, width, height."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, sides], axis=1)


def overlap(one: Floats, other: Floats) -> Floats:
    """`(N, 4)`, `(M, 4)` corners → `(N, M)` intersection over union, 0 to 1."""
    top_left = np.maximum(one[:, None, :2], other[None, :, :2])
    bottom_right = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    shared = sides[..., 0] * sides[..., 1]
    mine, theirs = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (one, other))
    whole = mine[:, None] + theirs[None, :] - shared
    return np.asarray(shared / np.maximum(whole, 1e-9), np.float64)
