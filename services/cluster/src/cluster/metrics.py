"""What the cluster service measures of itself."""

from typing import Final

from prometheus_client import Counter, Gauge

LINES_KEPT: Final = Counter("cluster_log_lines", "Log lines that were stored.")
LINES_DROPPED: Final = Counter(
    "cluster_log_lines_dropped", "Log lines over their budget.", ["component"]
)
STORE_BYTES: Final = Gauge("cluster_log_store_bytes", "Size of the log lines that are kept.")
ALERTS_OPEN: Final = Gauge("cluster_alerts_open", "Alerts that are open.", ["severity"])
SERVICES_LIVE: Final = Gauge("cluster_processes", "Processes that are heard.", ["service"])
HOST_CPU: Final = Gauge("cluster_host_cpu_percent", "Load of a host's processor.", ["node"])
HOST_MEMORY: Final = Gauge("cluster_host_memory_percent", "Use of a host's memory.", ["node"])
HOST_DISK: Final = Gauge("cluster_host_disk_percent", "Use of a host's disk.", ["node"])
VIEWERS: Final = Gauge("cluster_viewers", "WebSocket clients that watch.")
FRAMES: Final = Counter("cluster_frames", "Frames handed to WebSocket clients.")
VIEWERS_DROPPED: Final = Counter("cluster_viewers_dropped", "Clients that stayed behind.")
WEBHOOKS: Final = Counter("cluster_alert_webhooks", "Alerts sent on.", ["outcome"])
