"""What viewers are told, published after the commit (contract, chapter 5).

Subjects: `gemba.inspection.status|tool|frame.<inspection>` and `gemba.machine.status.<machine>`.
Overlay pictures and wake-ups are not events: they go over plain NATS and nobody keeps them.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import nats.errors
import orjson

from common.bus import Bus, subject
from common.schemas.vision import NodeEvent

WAKE_SUBJECT: Final = "orchestrator.wake"
FRAME_SUBJECT: Final = "orchestrator.frame"
FRAME_NAME: Final = "Frame-Name"
WATCHED_SUBJECT: Final = "orchestrator.watched"
FINAL: Final = frozenset({"completed", "failed", "cancelled"})
# NATS takes 1 MiB a message; the rest is left to the envelope.
LARGEST_DATA: Final = 768 * 1024
_HEAVY: Final = ("overlay", "tools")
_KINDS: Final = {"tool_result": "tool", "frame_result": "frame"}
_log = logging.getLogger("events")


class Events:
    """Publishes; what cannot leave is logged, never an error: the database is the truth."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def inspection(
        self, inspection_id: str, status: str, *, machine_id: str | None, **data: Any
    ) -> None:
        """Tell that an inspection's state is now this."""
        payload = inspection_event(inspection_id, status, machine_id=machine_id, **data)
        await self._bus.publish(subject("inspection", "status", inspection_id), payload)

    async def machine(self, machine_id: str, status: str, **data: Any) -> None:
        """Tell that a machine's state is now this."""
        payload = machine_event(machine_id, status, **data)
        await self._bus.publish(subject("machine", "status", machine_id), payload)

    async def from_node(self, event: NodeEvent) -> bool:
        """Pass a node's event on; False when it is too large for the bus."""
        if len(orjson.dumps(event.data)) > LARGEST_DATA:
            return False
        kind = subject("inspection", _KINDS[event.type], event.inspection_id)
        await self._bus.publish(
            kind,
            {
                "type": event.type,
                "timestamp": _stamp(event.timestamp),
                "inspection_id": event.inspection_id,
                "machine_id": event.machine_id,
                "data": event.data,
            },
        )
        return True

    async def wake(self) -> None:
        """Wake the dispatchers of all replicas."""
        await self._send(WAKE_SUBJECT, b"")

    async def frame(self, inspection_id: str, name: str, picture: bytes) -> None:
        """Hand an overlay picture to whoever watches; nobody keeps it."""
        await self._send(f"{FRAME_SUBJECT}.{inspection_id}", picture, {FRAME_NAME: name})

    async def _send(self, to: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            await self._bus.client.publish(to, payload, headers=headers)
        except (nats.errors.Error, OSError) as error:
            _log.info("not sent: %r", error, extra={"subject": to})


def inspection_event(
    inspection_id: str, status: str, *, machine_id: str | None, **data: Any
) -> dict[str, Any]:
    """An `inspection_status` event; results too large for the bus lose what is heaviest."""
    return {
        "type": "inspection_status",
        "timestamp": _stamp(datetime.now(UTC)),
        "inspection_id": inspection_id,
        "machine_id": machine_id,
        "data": {"status": status, **_fitting(data)},
    }


def machine_event(machine_id: str, status: str, **data: Any) -> dict[str, Any]:
    """A `machine_status` event."""
    return {
        "type": "machine_status",
        "timestamp": _stamp(datetime.now(UTC)),
        "machine_id": machine_id,
        "data": {"status": status, **data},
    }


def _fitting(data: Mapping[str, Any]) -> dict[str, Any]:
    results = data.get("results")
    if not isinstance(results, dict) or len(orjson.dumps(data)) <= LARGEST_DATA:
        return dict(data)
    light = {name: value for name, value in results.items() if name not in _HEAVY}
    fits = len(orjson.dumps(light)) <= LARGEST_DATA
    return {**data, "results": light if fits else None, "is_shortened": True}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
