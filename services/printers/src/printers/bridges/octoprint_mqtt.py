"""The OctoPrint-MQTT plug-in's topics, whatever its base topic: one message, at most one report.

Follows the plug-in's README (github.com/OctoPrint/OctoPrint-MQTT): `…/temperature/<tool>`,
`…/progress/printing`, `…/event/<Event>` and the last will `…/mqtt`.
"""

from datetime import datetime
from typing import Any, Final

import orjson

from printers.bridges.octoprint import event_report, report_of
from printers.reports import PrinterState, Report

_STATES: Final[dict[str, PrinterState]] = {
    "OPERATIONAL": "idle",
    "STARTING": "preparing",
    "PRINTING": "printing",
    "PAUSING": "printing",
    "PAUSED": "paused",
    "RESUMING": "printing",
    "CANCELLING": "printing",
    "FINISHING": "printing",
    "OFFLINE": "offline",
    "CLOSED": "offline",
    "ERROR": "error",
    "CLOSED_WITH_ERROR": "error",
}
_HEATERS: Final = {"tool0": "hotend", "bed": "bed", "chamber": "chamber"}


def read(topic: str, payload: bytes, *, at: datetime) -> Report | None:
    """The report in a message; None when it tells nothing of the printer."""
    levels = topic.split("/")
    if levels[-1] == "mqtt":
        return _will(payload, at=at)
    if len(levels) < 2:
        return None
    body = _object(payload)
    if body is None:
        return None
    match levels[-2]:
        case "temperature":
            return _temperature(levels[-1], body, at=at)
        case "progress":
            return _progress(levels[-1], body, at=at)
        case "event":
            return _event(levels[-1], body, at=at)
    return None


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _will(payload: bytes, *, at: datetime) -> Report | None:
    text = payload.strip()
    if text == b"disconnected":
        return Report(at=at, state="offline", gone="the printer's MQTT client is gone")
    return Report(at=at) if text == b"connected" else None


def _temperature(tool: str, body: dict[str, Any], *, at: datetime) -> Report | None:
    heater = _HEATERS.get(tool)
    if heater is None or not isinstance(body.get("actual"), int | float):
        return None
    readings: dict[str, Any] = {f"{heater}_temp": body["actual"]}
    if heater != "chamber" and isinstance(body.get("target"), int | float):
        readings[f"{heater}_target"] = body["target"]
    return Report(at=at, readings=readings)


def _progress(kind: str, body: dict[str, Any], *, at: datetime) -> Report | None:
    if kind != "printing" or not isinstance(body.get("progress"), int | float):
        return None
    details = body.get("printer_data")
    told = report_of(details, at=at) if isinstance(details, dict) else Report(at=at)
    path = str(body.get("path") or "").rsplit("/", 1)[-1]
    state = told.state if told.state in ("printing", "paused") else "printing"
    return Report(
        at=at,
        state=state,
        file=path or told.file,
        progress=min(100.0, max(0.0, float(body["progress"]))),
        readings=told.readings,
    )


def _event(kind: str, body: dict[str, Any], *, at: datetime) -> Report | None:
    if kind == "PrinterStateChanged":
        state = _STATES.get(str(body.get("state_id")))
        return Report(at=at, state=state) if state is not None else None
    if kind == "Connected":
        return Report(at=at, state="idle")
    return event_report({"type": kind, "payload": body}, at=at)
