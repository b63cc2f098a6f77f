"""What can be watched, who may watch it, and how events become frames (contract, chapter 9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from cluster.gathering import alert_id, told_of
from cluster.schemas.shapes import rfc3339
from common.auth import Principal
from common.bus import Event
from common.frames import text_frame

LOGS: Final = "logs"
# Topic → the permission that opens it; `read` implies every `x:read`, `config` is the admin's.
PERMISSIONS: Final[Mapping[str, str]] = {
    "system": "system:read",
    "alerts": "alerts:read",
    "inspections": "inspections:read",
    "machines": "machines:read",
    "tracking": "tracking:read",
    "printers": "printers:read",
    "devices": "devices:read",
    LOGS: "config",
}
_TOPIC_OF: Final[Mapping[str, str]] = {
    "system": "system",
    "service": "system",
    "alert": "alerts",
    "inspection": "inspections",
    "machine": "machines",
    "tracking": "tracking",
    "printer": "printers",
    "device": "devices",
}
SUBJECTS: Final = tuple(f"gemba.{domain}.>" for domain in _TOPIC_OF)
# Told to the doors that must cut a client off; no news for anybody else.
_SECRET_KINDS: Final = frozenset({"token_revoked", "key_revoked"})
_DROPPABLE_KINDS: Final = frozenset({"frame", "readings", "sample", "tool", "metrics"})
_ENVELOPE: Final = frozenset({"type", "timestamp", "data", "seq"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, encoded once for all who watch its topic."""

    seq: int
    topic: str
    payload: bytes
    is_droppable: bool

    @property
    def is_of_stream(self) -> bool:
        """True for events, which are replayed by their `seq`; not for notes and log lines."""
        return self.topic not in ("", LOGS)


def topics_of(principal: Principal) -> frozenset[str]:
    """Every topic that the caller may watch."""
    return frozenset(topic for topic, right in PERMISSIONS.items() if principal.has(right))


def frame_of(event: Event) -> Frame | None:
    """An event of the bus as its viewers get it; None for what nobody may see."""
    _, domain, kind, *_ = event.subject.split(".")
    topic = _TOPIC_OF.get(domain)
    if topic is None or kind in _SECRET_KINDS:
        return None
    name, data = _told(event, domain=domain, kind=kind)
    body = {
        "type": name,
        "timestamp": rfc3339(event.timestamp),
        "topic": topic,
        "seq": event.seq,
        "data": data,
    }
    payload = text_frame(orjson.dumps(body, default=str))
    return Frame(event.seq, topic, payload, kind in _DROPPABLE_KINDS)


def _told(event: Event, *, domain: str, kind: str) -> tuple[str, Any]:
    """The event's name and what it says, without the envelope that some services put around it."""
    data = event.data
    if domain == "alert":
        return "alert", _alert(event)
    if domain == "system":
        return f"system_{'metrics' if kind == 'sample' else kind}", data
    inner = data.get("data")
    name = str(data.get("type") or f"{domain}_{kind}")
    if isinstance(inner, dict) and "type" in data:
        outer = {key: value for key, value in data.items() if key not in _ENVELOPE}
        return name, {**outer, **inner}
    return f"{domain}_{kind}" if "type" not in data else name, data


def _alert(event: Event) -> dict[str, Any]:
    told = told_of(event)
    if told is None:
        return event.data
    if told.source == "cluster":
        return event.data
    return {
        "id": alert_id(told.cause, told.began_at),
        "severity": told.severity,
        "component": told.component,
        "message": told.message,
        "timestamp": rfc3339(told.began_at),
        "resolved": told.resolved_at is not None,
        "source": told.source,
        "resolved_at": None if told.resolved_at is None else rfc3339(told.resolved_at),
    }


def log_frame(line: Mapping[str, Any], *, seq: int) -> Frame:
    """A log line; it has the newest event's `seq`, for lines are not replayed."""
    body = {
        "type": "log",
        "timestamp": line.get("timestamp") or rfc3339(datetime.now(UTC)),
        "topic": LOGS,
        "seq": seq,
        "data": line,
    }
    return Frame(seq, LOGS, text_frame(orjson.dumps(body)), is_droppable=True)


def note_frame(kind: str, *, seq: int, **more: Any) -> Frame:
    """An answer to a client, outside of every topic."""
    body = {"type": kind, "timestamp": rfc3339(datetime.now(UTC)), **more}
    return Frame(seq, "", text_frame(orjson.dumps(body)), is_droppable=False)


def unknown_of(topics: Iterable[str]) -> list[str]:
    """Names that are no topic."""
    return sorted({topic for topic in topics if topic not in PERMISSIONS})
