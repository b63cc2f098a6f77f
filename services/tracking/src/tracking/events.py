"""What viewers of the floor are told, published after the commit (contract, chapter 6).

Subjects: `gemba.tracking.session|zone|index|metrics.<key>` and `gemba.alert.tracking.<key>`.
"""

from datetime import UTC, datetime
from typing import Any

from common.bus import Bus, subject


class Events:
    """Publishes; what cannot leave is logged by the bus, never an error."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def session(self, event: str, session: dict[str, Any], at: datetime) -> None:
        """Something happened in a stay."""
        body = {"type": "session_update", "timestamp": utc(at), "event": event, "session": session}
        await self._bus.publish(subject("tracking", "session", session["zone_id"]), body)

    async def zone(self, zone_id: str, data: dict[str, Any], at: datetime) -> None:
        """Who is in a zone."""
        body = {"type": "zone_update", "timestamp": utc(at), "zone_id": zone_id, "data": data}
        await self._bus.publish(subject("tracking", "zone", zone_id), body)

    async def alert(self, row: dict[str, Any]) -> None:
        """An alert was raised, updated, acknowledged or resolved; for the whole platform."""
        await self._bus.publish(subject("alert", "tracking", row["cause"]), alert_event(row))

    async def index(self, data: dict[str, Any]) -> None:
        """The next index has begun, or the last one is over."""
        body = {"type": "index_transition", "timestamp": utc(datetime.now(UTC)), **data}
        await self._bus.publish(subject("tracking", "index", "floor"), body)

    async def metrics(self, metrics: dict[str, Any]) -> None:
        """The floor's figures."""
        await self._bus.publish(subject("tracking", "metrics", "floor"), metrics_message(metrics))


def metrics_message(metrics: dict[str, Any]) -> dict[str, Any]:
    """The floor's figures as a message."""
    return {"type": "metrics_update", "timestamp": utc(datetime.now(UTC)), "metrics": metrics}


def alert_event(row: dict[str, Any]) -> dict[str, Any]:
    """An alert as viewers get it, with what the platform's list of alerts needs in `data`."""
    resolved_at = row["resolved_at"]
    return {
        "type": "alert",
        "timestamp": utc(row["timestamp"]),
        "alert": {
            "alert_id": row["alert_id"],
            "alert_type": row["alert_type"],
            "severity": row["severity"],
            "zone_id": row["zone_id"],
            "worker_id": row["worker_id"],
            "camera_id": row["camera_id"],
            "message": row["message"],
            "acknowledged": row["acknowledged_at"] is not None,
            "resolved": resolved_at is not None,
        },
        "data": platform_alert(row),
    }


def platform_alert(row: dict[str, Any]) -> dict[str, Any]:
    """An alert as one of the whole platform's (contract, chapter 9)."""
    resolved_at = row["resolved_at"]
    return {
        "id": f"tracking-{row['alert_id']}",
        "severity": row["severity"],
        "component": _component(row),
        "message": row["message"],
        "timestamp": utc(row["timestamp"]),
        "resolved": resolved_at is not None,
        "resolved_at": utc(resolved_at) if resolved_at is not None else None,
        "source": "tracking",
        "kind": row["alert_type"],
        "cause": row["cause"],
        "state": "resolved" if resolved_at is not None else "open",
    }


def _component(row: dict[str, Any]) -> str:
    if row["zone_id"] is not None:
        return f"zone:{row['zone_id']}"
    return f"camera:{row['camera_id']}" if row["camera_id"] is not None else "floor"


def utc(moment: datetime) -> str:
    """RFC 3339 with `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
