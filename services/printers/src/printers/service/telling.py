"""Tells viewers, after the commit, what a stored update led to."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from printers.estimating import estimate
from printers.events import Events
from printers.models import Alert, Command, Job, Printer
from printers.moments import utc
from printers.service.views import alert_view, command_view, known_of
from printers.states import formatted, printer_status


def job_event(job: Job) -> dict[str, Any]:
    """A job as viewers get it."""
    expected = estimate(known_of(job, None), datetime.now(UTC))
    return {
        "print_status_id": job.id,
        "status": job.status,
        "formatted_status": formatted(job.status, is_english=False),
        "progress_percentage": round(job.progress, 2),
        "message": job.message,
        "metrics": job.metrics,
        "product_name": job.product_name,
        "model_file": job.model_file,
        "last_updated_utc": utc(job.updated_at),
        "estimated_completion_utc": utc(expected.at) if expected is not None else None,
    }


def printer_event(printer: Printer, job: Job | None) -> dict[str, Any]:
    """A printer as viewers get it."""
    return {
        "status": printer_status(
            printer.reported_state,
            is_offline=printer.is_offline,
            job_status=job.status if job is not None else None,
        ),
        "link": {"state": printer.link_state, "error": printer.link_error},
        "readings": printer.readings,
        "camera_score": printer.camera_score,
        "last_seen_at_utc": utc(printer.last_seen_at),
    }


class Teller:
    """Publishes rows as events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def job(self, job: Job) -> None:
        """A job as it is now."""
        await self._events.publish("job", job.printer_id, **job_event(job))

    async def printer(self, printer: Printer, job: Job | None) -> None:
        """A printer as it is now."""
        await self._events.publish("status", printer.printer_id, **printer_event(printer, job))

    async def readings(self, printer: Printer) -> None:
        """A printer's temperatures, between its turns."""
        await self._events.publish("readings", printer.printer_id, readings=printer.readings)

    async def alerts(self, found: Iterable[Alert]) -> None:
        """Alerts, opened or resolved."""
        for alert in found:
            view = alert_view(alert, is_english=True).model_dump(mode="json")
            state = "open" if alert.resolved_at is None else "resolved"
            await self._events.alert(alert.printer_id, **view, state=state, source="printers")

    async def commands(self, found: Iterable[Command]) -> None:
        """Commands that moved on."""
        for command in found:
            view = command_view(command).model_dump(mode="json")
            await self._events.publish("command", command.printer_id, **view)

    async def removed(self, printer_id: str) -> None:
        """A printer is gone, and whoever is connected with its key must go too."""
        await self._events.publish("removed", printer_id)

    async def key_revoked(self, printer_id: str) -> None:
        """A printer's former key opens nothing any more."""
        await self._events.publish("key_revoked", printer_id)
