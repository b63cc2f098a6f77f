"""The node's own metrics, scraped at `/metrics`."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

TOOL_SECONDS: Final = Histogram(
    "vision_tool_duration_seconds",
    "Time in one tool.",
    ["tool", "pipeline", "node"],
    buckets=_SECONDS,
)
INSPECTION_SECONDS: Final = Histogram(
    "vision_inspection_duration_seconds",
    "Time from acceptance to the result: fetching, waiting and measuring.",
    ["pipeline", "node", "status"],
    buckets=_SECONDS,
)
WAIT_SECONDS: Final = Histogram(
    "vision_inspection_wait_seconds",
    "Time from acceptance to a free thread.",
    ["pipeline", "node"],
    buckets=_SECONDS,
)
ADMISSION_REFUSED: Final = Counter(
    "vision_admission_refused_total", "Inspections sent back for want of room.", ["reason"]
)
STREAM_THREADS: Final = Gauge("vision_stream_threads", "Threads that the running streams take.")
RUNNING: Final = Gauge("vision_inspections_running", "Inspections accepted and not yet finished.")
SPOOLED: Final = Gauge("vision_results_spooled", "Results that the orchestrator has not yet got.")
REFUSED: Final = Counter("vision_results_refused_total", "Results that it will not take.")
LEASES_LOST: Final = Counter("vision_leases_lost_total", "Leases taken away while work went on.")
EVENTS_DROPPED: Final = Counter("vision_events_dropped_total", "Events that found no room.")
FRAMES: Final = Counter("vision_frames_total", "Frames of live sources that were inspected.")
FRAMES_DROPPED: Final = Counter("vision_frames_dropped_total", "Frames that came too fast.")

_PIPELINES: Final = 100


class Meters:
    """The histograms of this node: its name filled in, pipelines named by inspection type.

    Types are names that users make up: after the first hundred the rest counts as "other".
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._pipelines: set[str] = set()

    def tools(self, inspection_type: str, times_ms: Iterable[tuple[str, float]]) -> None:
        """Tools of one run, each with its time."""
        pipeline = self._pipeline(inspection_type)
        for tool, time_ms in times_ms:
            TOOL_SECONDS.labels(tool, pipeline, self._node).observe(time_ms / 1000)

    def inspection(self, inspection_type: str, status: str, seconds: float) -> None:
        """An inspection has come to its end."""
        pipeline = self._pipeline(inspection_type)
        INSPECTION_SECONDS.labels(pipeline, self._node, status).observe(seconds)

    def wait(self, inspection_type: str, seconds: float) -> None:
        """An inspection has got its thread."""
        WAIT_SECONDS.labels(self._pipeline(inspection_type), self._node).observe(seconds)

    def _pipeline(self, inspection_type: str) -> str:
        if len(self._pipelines) < _PIPELINES:
            self._pipelines.add(inspection_type)
        return inspection_type if inspection_type in self._pipelines else "other"
