"""The node's own metrics, scraped at `/metrics`."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

TOOL_SECONDS: Final = Histogram(
    "vision_tool_duration_seconds", "Time in one tool.", ["tool"], buckets=_SECONDS
)
INSPECTION_SECONDS: Final = Histogram(
    "vision_inspection_duration_seconds",
    "Time from the first byte of the picture to the last measurement.",
    ["inspection_type", "status"],
    buckets=_SECONDS,
)
WAIT_SECONDS: Final = Histogram(
    "vision_inspection_wait_seconds", "Time from acceptance to a free thread.", buckets=_SECONDS
)
RUNNING: Final = Gauge("vision_inspections_running", "Inspections accepted and not yet finished.")
SPOOLED: Final = Gauge("vision_results_spooled", "Results that the orchestrator has not yet got.")
REFUSED: Final = Counter("vision_results_refused_total", "Results that it will not take.")
LEASES_LOST: Final = Counter("vision_leases_lost_total", "Leases taken away while work went on.")
EVENTS_DROPPED: Final = Counter("vision_events_dropped_total", "Events that found no room.")
FRAMES: Final = Counter("vision_frames_total", "Frames of live sources that were inspected.")
FRAMES_DROPPED: Final = Counter("vision_frames_dropped_total", "Frames that came too fast.")
