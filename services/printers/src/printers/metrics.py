"""What Prometheus learns of printers."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

PRINTERS: Final = Gauge("printers", "Registered printers.", ["status"])
UPDATES: Final = Counter("printer_updates_total", "Reports taken in.", ["source"])
UPDATE_SECONDS: Final = Histogram(
    "printer_update_seconds",
    "Time to store one report.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
JOBS: Final = Counter("print_jobs_total", "Jobs that came to an end.", ["status"])
ETA_ERROR: Final = Histogram(
    "print_eta_error_seconds",
    "When a job ended less when it was first said to: above 0 it took longer.",
    ["source"],
    buckets=(-7200, -3600, -900, -300, -60, 0, 60, 300, 900, 3600, 7200),
)
BRIDGES: Final = Gauge("printer_bridges", "Bridges by what their link does.", ["state"])
RECONNECTS: Final = Counter("printer_bridge_failures_total", "Links that broke.", ["cause"])
MESSAGES: Final = Counter(
    "printer_mqtt_messages_total",
    "Messages of the MQTT plug-in by what became of them.",
    ["outcome"],
)
VIEWERS: Final = Gauge("printer_viewers", "Open event sockets.")
