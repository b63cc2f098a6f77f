"""What Prometheus learns of the floor."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

FRAMES: Final = Counter("tracking_frames_total", "Frames by what became of them.", ["outcome"])
BATCH_SECONDS: Final = Histogram(
    "tracking_batch_seconds",
    "Time to take one batch of observations in.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
REPLAYS: Final = Counter("tracking_replays_total", "Batches that had frames out of order.")
CAMERAS: Final = Gauge("tracking_cameras", "Cameras by status.", ["status"])
VIEWERS: Final = Gauge("tracking_viewers", "Open sockets of the floor.")
OPEN_SESSIONS: Final = Gauge("tracking_open_sessions", "Stays that go on now.")
