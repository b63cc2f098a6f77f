"""What Prometheus learns of the queue."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

QUEUE_DEPTH: Final = Gauge(
    "inspection_queue_depth", "Inspections that wait for a machine.", ["priority"]
)
QUEUE_AGE: Final = Gauge(
    "inspection_queue_oldest_seconds", "How long the oldest inspection has been waiting."
)
MACHINES: Final = Gauge("machines", "Registered machines.", ["status"])
WAIT: Final = Histogram(
    "inspection_wait_seconds",
    "From queued to assigned.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
)
WAIT_ERROR: Final = Histogram(
    "inspection_wait_estimate_error_seconds",
    "The wait less its estimate: above 0 it took longer than was said.",
    buckets=(-300, -60, -30, -10, -5, -1, 0, 1, 5, 10, 30, 60, 300),
)
LEASES_LOST: Final = Counter(
    "inspection_leases_lost_total", "Leases that were taken back.", ["outcome"]
)
ATTEMPTS: Final = Counter("inspection_attempts_total", "Ended attempts.", ["outcome"])
LATE: Final = Counter("inspection_late_results_total", "Results that changed nothing.")
PUSHES: Final = Counter("inspection_pushes_total", "Inspections pushed to machines.", ["outcome"])
PUSH_LATENCY: Final = Histogram(
    "inspection_push_seconds",
    "Until the machine answered a push.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PROCESSING: Final = Histogram(
    "inspection_processing_seconds",
    "Processing times of completed inspections.",
    ["inspection_type"],
    buckets=(0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
VIEWERS: Final = Gauge("stream_viewers", "Open event sockets.")
FRAMES_DROPPED: Final = Counter(
    "stream_frames_dropped_total", "Frames that a slow viewer did not get."
)
