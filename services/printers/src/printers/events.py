"""What viewers are told, published after the commit (contract, chapter 7; DESIGN, "An event").

Subjects: `gemba.printer.status|job|readings|command|removed|key_revoked.<printer>` and
`gemba.alert.printer.<printer>`.
"""

from datetime import UTC, datetime
from typing import Any

from common.bus import Bus, subject
from printers.moments import utc


class Events:
    """Publishes; what cannot leave is logged by the bus, never an error."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(self, kind: str, printer_id: str, /, **data: Any) -> None:
        """Tell viewers of something that a printer did, or that was done to it."""
        await self._bus.publish(
            subject("printer", kind, printer_id), _envelope(f"printer_{kind}", printer_id, data)
        )

    async def alert(self, printer_id: str, /, **data: Any) -> None:
        """Tell the whole platform of an alert, opened or resolved."""
        await self._bus.publish(
            subject("alert", "printer", printer_id), _envelope("alert", printer_id, data)
        )


def _envelope(kind: str, printer_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "timestamp": utc(datetime.now(UTC)),
        "printer_id": printer_id,
        "data": data,
    }
