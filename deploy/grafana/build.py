"""Writes the Grafana dashboards from what is to be seen: `python deploy/grafana/build.py`.

Grafana's JSON is a thousand lines a page, which nobody reads; this is the page. A test builds them
anew, compares, and asks a running mesh for every metric that is named here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

FOLDER: Final = Path(__file__).parent / "dashboards"
_DATASOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS: Final = 24
_RATE: Final = "$__rate_interval"
Kind = Literal["timeseries", "stat", "heatmap"]


@dataclass(frozen=True)
class Panel:
    """One picture: its title, what it asks, and how the lines are called."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    description: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def panel(title: str, *queries: tuple[str, str], **more: Any) -> Panel:
    """A panel of these (query, legend) pairs."""
    return Panel(title, queries, **more)


def quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """Median, p95 and p99 of a histogram; `by` may name a label to keep."""
    kept = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        (
            f"histogram_quantile({q}, sum by ({kept}) (rate({metric}_bucket[{_RATE}])))",
            name + legend,
        )
        for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def p95(metric: str, by: str) -> tuple[str, str]:
    """The p95 of a histogram by a label."""
    inner = f"sum by (le, {by}) (rate({metric}_bucket[{_RATE}]))"
    return f"histogram_quantile(0.95, {inner})", f"{{{{{by}}}}}"


def rate(metric: str, by: str, *, where: str = "") -> tuple[str, str]:
    """The sum of a counter's rate by a label."""
    return f"sum by ({by}) (rate({metric}{where}[{_RATE}]))", f"{{{{{by}}}}}"


DASHBOARDS: Final = (
    Dashboard(
        "gemba-mesh",
        "Gemba · Mesh",
        (
            panel(
                "Services that answer",
                ('sum(up{job=~"gemba.*"})', "up"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel(
                "Services that do not",
                ('sum(1 - up{job=~"gemba.*"})', "down"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel(
                "Open connections",
                ("sum(gateway_connections_open)", "HTTP"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel(
                "Open WebSockets",
                ("sum(gateway_websockets_open)", "WebSockets"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel(
                "MQTT clients",
                ("sum(mqtt_connections_open)", "clients"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel(
                "Open alerts",
                ("sum(cluster_alerts_open)", "alerts"),
                kind="stat",
                width=4,
                height=4,
            ),
            panel("Requests a second", rate("http_requests_total", "service"), unit="reqps"),
            panel(
                "Share of requests that fail",
                (
                    f'sum by (service) (rate(http_requests_total{{code=~"5.."}}[{_RATE}]))'
                    f" / sum by (service) (rate(http_requests_total[{_RATE}]))",
                    "{{service}}",
                ),
                unit="percentunit",
                description="The gateway's service level: below 0.1 % in 30 days.",
            ),
            panel(
                "Duration of requests at the gateway",
                *quantiles("http_request_duration_seconds"),
                unit="s",
            ),
            panel(
                "Slowest routes, p95",
                (
                    "topk(10, histogram_quantile(0.95, sum by (le, route) "
                    f"(rate(http_request_duration_seconds_bucket[{_RATE}]))))",
                    "{{route}}",
                ),
                unit="s",
            ),
            panel(
                "Refusals a second",
                rate("http_requests_total", "code", where='{code=~"4.."}'),
                unit="reqps",
            ),
            panel(
                "Events that could not be published", rate("bus_events_dropped_total", "service")
            ),
        ),
    ),
    Dashboard(
        "gemba-vision",
        "Gemba · Vision",
        (
            panel(
                "Inspections that wait",
                ("sum by (priority) (inspection_queue_depth)", "priority {{priority}}"),
            ),
            panel(
                "Age of the oldest", ("max(inspection_queue_oldest_seconds)", "oldest"), unit="s"
            ),
            panel("Machines", ("sum by (status) (machines)", "{{status}}")),
            panel("Attempts a second", rate("inspection_attempts_total", "outcome"), unit="ops"),
            panel("Wait in the queue", *quantiles("inspection_wait_seconds"), unit="s"),
            panel(
                "Error of the estimated wait",
                *quantiles("inspection_wait_estimate_error_seconds"),
                unit="s",
                description="Above 0 it took longer than was said.",
            ),
            panel(
                "Processing, by type",
                *quantiles("inspection_processing_seconds", "inspection_type"),
                unit="s",
            ),
            panel(
                "Time in each tool, p95",
                p95("vision_tool_duration_seconds", "tool"),
                unit="s",
            ),
            panel("Models", *quantiles("vision_model_duration_seconds", "model"), unit="s"),
            panel(
                "Pictures a run of a model",
                (
                    f"sum by (model) (rate(vision_model_batch_pictures_sum[{_RATE}]))"
                    f" / sum by (model) (rate(vision_model_batch_pictures_count[{_RATE}]))",
                    "{{model}}",
                ),
            ),
            panel(
                "Frames a second",
                (f"sum(rate(vision_frames_total[{_RATE}]))", "inspected"),
                (f"sum(rate(vision_frames_dropped_total[{_RATE}]))", "dropped"),
            ),
            panel(
                "Threads that streams take",
                ("sum by (instance) (vision_stream_threads)", "{{instance}}"),
            ),
            panel("Sent back for want of room", rate("vision_admission_refused_total", "reason")),
            panel(
                "Results that wait on disk",
                ("sum by (instance) (vision_results_spooled)", "{{instance}}"),
            ),
            panel("Leases lost", rate("inspection_leases_lost_total", "outcome")),
            panel("Late results", (f"sum(rate(inspection_late_results_total[{_RATE}]))", "late")),
        ),
    ),
    Dashboard(
        "gemba-floor",
        "Gemba · Floor",
        (
            panel("Cameras", ("sum by (status) (tracking_cameras)", "{{status}}")),
            panel("Open sessions", ("sum(tracking_open_sessions)", "sessions")),
            panel("Frames taken in", rate("tracking_frames_total", "outcome")),
            panel("Time of a batch", *quantiles("tracking_batch_seconds"), unit="s"),
            panel(
                "Late frames placed anew",
                (f"sum(rate(tracking_replays_total[{_RATE}]))", "replays"),
            ),
            panel("Viewers", ("sum(tracking_viewers)", "viewers")),
        ),
    ),
    Dashboard(
        "gemba-printers",
        "Gemba · Printers",
        (
            panel("Printers", ("sum by (status) (printers)", "{{status}}")),
            panel("Jobs that ended", rate("print_jobs_total", "status")),
            panel("Updates a second", rate("printer_updates_total", "source"), unit="ops"),
            panel("Time of an update", *quantiles("printer_update_seconds"), unit="s"),
            panel("Error of the estimated end", *quantiles("print_eta_error_seconds"), unit="s"),
            panel("Bridges", ("sum by (state) (printer_bridges)", "{{state}}")),
            panel(
                "Failures of bridges",
                (f"sum(rate(printer_bridge_failures_total[{_RATE}]))", "failures"),
            ),
            panel(
                "MQTT messages a second",
                (f"sum(rate(printer_mqtt_messages_total[{_RATE}]))", "messages"),
                unit="ops",
            ),
        ),
    ),
    Dashboard(
        "gemba-devices",
        "Gemba · Devices",
        (
            panel(
                "Readings stored a second",
                (f"sum(rate(devices_readings_stored_total[{_RATE}]))", "readings"),
                unit="ops",
            ),
            panel("Readings that wait", ("sum(devices_readings_waiting)", "waiting")),
            panel("Rows of a commit", *quantiles("devices_group_rows")),
            panel(
                "MQTT messages a second",
                (f"sum(rate(devices_mqtt_messages_total[{_RATE}]))", "messages"),
                unit="ops",
            ),
            panel("MQTT clients", ("sum(mqtt_connections_open)", "connected")),
            panel(
                "MQTT clients refused and cut",
                (f"sum(rate(mqtt_clients_refused_total[{_RATE}]))", "refused"),
                (f"sum(rate(mqtt_clients_cut_total[{_RATE}]))", "cut off"),
            ),
            panel(
                "Values ignored", (f"sum(rate(devices_values_ignored_total[{_RATE}]))", "values")
            ),
        ),
    ),
    Dashboard(
        "gemba-hosts",
        "Gemba · Hosts",
        (
            panel("Processor", ("cluster_host_cpu_percent", "{{node}}"), unit="percent"),
            panel("Memory", ("cluster_host_memory_percent", "{{node}}"), unit="percent"),
            panel("Disk", ("cluster_host_disk_percent", "{{node}}"), unit="percent"),
            panel("Processes of the mesh", ("sum by (service) (cluster_processes)", "{{service}}")),
            panel(
                "Processor of each process",
                (f"rate(process_cpu_seconds_total[{_RATE}])", "{{service}} {{instance}}"),
                unit="percentunit",
            ),
            panel(
                "Memory of each process",
                ("process_resident_memory_bytes", "{{service}} {{instance}}"),
                unit="bytes",
            ),
            panel("Log lines a second", (f"sum(rate(cluster_log_lines_total[{_RATE}]))", "lines")),
            panel("Log lines dropped", rate("cluster_log_lines_dropped_total", "component")),
        ),
    ),
)


def rendered(dashboard: Dashboard) -> str:
    """The dashboard as Grafana stores it."""
    panels, x, y, row_height = [], 0, 0, 0
    for number, one in enumerate(dashboard.panels, start=1):
        if x + one.width > _COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        place = {"x": x, "y": y, "w": one.width, "h": one.height}
        panels.append(_panel(one, number, place))
        x, row_height = x + one.width, max(row_height, one.height)
    page = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["gemba"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels,
    }
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"


def _panel(one: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": one.kind,
        "title": one.title,
        "description": one.description,
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": one.unit, "min": 0 if _is_count(one) else None}},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}}
        if one.kind == "timeseries"
        else {"reduceOptions": {"calcs": ["lastNotNull"]}},
        "targets": [
            {
                "refId": chr(65 + index),
                "expr": query,
                "legendFormat": legend,
                "datasource": _DATASOURCE,
            }
            for index, (query, legend) in enumerate(one.queries)
        ],
    }


def _is_count(one: Panel) -> bool:
    """Errors of estimates go below zero; nothing else does."""
    return "rror of" not in one.title


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(rendered(dashboard))


if __name__ == "__main__":
    main()
