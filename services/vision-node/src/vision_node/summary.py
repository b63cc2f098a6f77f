"""What a stream came to: counts of frames, and of every figure its least, most, mean and last."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from vision_node.pipeline.catalogue import RESERVED_MEASUREMENTS

MAX_FIGURES = 200


@dataclass(slots=True)
class _Figure:
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    last: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)
        self.last = value


@dataclass(slots=True)
class Summary:
    """Grows frame by frame and stays small however long the stream is."""

    frames: int = 0
    failed: int = 0
    dropped: int = 0
    processing_ms: float = 0.0
    last_error: str | None = None
    _figures: dict[str, _Figure] = field(default_factory=dict)
    _flags: dict[str, int] = field(default_factory=dict)

    def add(self, results: dict[str, Any], *, dropped: int) -> None:
        """Take in one frame's results."""
        self.frames += 1
        self.dropped += dropped
        self.processing_ms += float(results["processing_time"]) * 1000
        for name, value in results.items():
            if name in RESERVED_MEASUREMENTS:
                continue
            if isinstance(value, bool):
                self._flags[name] = self._flags.get(name, 0) + value
            elif isinstance(value, int | float) and len(self._figures) < MAX_FIGURES:
                self._figures.setdefault(name, _Figure()).add(float(value))

    def fail(self, message: str, *, dropped: int) -> None:
        """Note a frame on which a tool failed."""
        self.frames += 1
        self.failed += 1
        self.dropped += dropped
        self.last_error = message

    def as_json(self, *, duration_s: float) -> dict[str, JsonValue]:
        """As it stands under `summary` of the results."""
        measures: dict[str, JsonValue] = {
            name: {
                "min": round(figure.least, 5),
                "max": round(figure.most, 5),
                "mean": round(figure.total / figure.count, 5),
                "last": round(figure.last, 5),
            }
            for name, figure in self._figures.items()
        }
        good = max(1, self.frames - self.failed)
        return {
            "frames": self.frames,
            "failed_frames": self.failed,
            "dropped_frames": self.dropped,
            "duration_seconds": round(duration_s, 3),
            "frames_per_second": round(self.frames / duration_s, 2) if duration_s > 0 else None,
            "mean_processing_ms": round(self.processing_ms / good, 3),
            "last_error": self.last_error,
            "measures": measures,
            "true_counts": {**self._flags},
        }
