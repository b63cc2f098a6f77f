"""Rows as users see them: words in their language, times in the factory's zone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from printers.estimating import Estimate, Known, estimate
from printers.models import Alert, Command, Job, Printer, QueueItem
from printers.moments import age_s, local, utc
from printers.schemas.printers import (
    Ages,
    AlertView,
    Camera,
    CommandView,
    CurrentJob,
    Link,
    PrinterView,
    QueueView,
)
from printers.schemas.status import ActiveJob, BasicStatus, FullStatus
from printers.states import FINAL, formatted, printer_status


@dataclass(frozen=True, slots=True)
class Lens:
    """Whose eyes a row is shown to: language, zone, and what time it is."""

    zone: ZoneInfo
    now: datetime
    is_english: bool = False


def known_of(job: Job, usual_s: float | None) -> Known:
    """What an estimate needs of a job."""
    return Known(
        status=job.status,
        progress=job.progress,
        printed_s=job.printed_s,
        remaining_s=job.remaining_s,
        remaining_at=job.remaining_at,
        updated_at=job.updated_at,
        usual_s=usual_s,
    )


def _basics(job: Job, lens: Lens, expected: Estimate | None) -> dict[str, Any]:
    done_at = expected.at if expected is not None else None
    return {
        "id": job.id,
        "status": job.status,
        "formatted_status": formatted(job.status, is_english=lens.is_english),
        "progress_percentage": round(job.progress, 2),
        "started_at": local(job.started_at, lens.zone),
        "started_at_utc": utc(job.started_at),
        "estimated_completion": local(done_at, lens.zone),
        "estimated_completion_utc": utc(done_at),
    }


def basic_status(job: Job, lens: Lens, *, usual_s: float | None) -> BasicStatus:
    """What anybody may know of a print."""
    return BasicStatus(**_basics(job, lens, estimate(known_of(job, usual_s), lens.now)))


def full_status(job: Job, lens: Lens, *, usual_s: float | None) -> FullStatus:
    """What its printer, or a user, may know of a print."""
    expected = estimate(known_of(job, usual_s), lens.now)
    return FullStatus(
        **_basics(job, lens, expected),
        printer_id=job.printer_id,
        print_queue_id=job.queue_id,
        product_id=job.product_id,
        product_name=job.product_name,
        model_file=job.model_file,
        order_id=job.order_id,
        message=job.message,
        metrics=job.metrics,
        filament_used_mm=job.filament_used_mm,
        printing_seconds=round(job.printed_s, 1),
        estimate_source=expected.source if expected is not None else None,
        last_updated=local(job.updated_at, lens.zone) or "",
        last_updated_utc=utc(job.updated_at) or "",
        completed_at=local(job.completed_at, lens.zone),
        completed_at_utc=utc(job.completed_at),
        job_age_seconds=None if job.status in FINAL else age_s(job.updated_at, lens.now),
    )


def active_job(job: Job, lens: Lens) -> ActiveJob:
    """An entry of a printer's active prints."""
    return ActiveJob(
        print_status_id=job.id,
        status=job.status,
        formatted_status=formatted(job.status, is_english=lens.is_english),
        progress_percentage=round(job.progress, 2),
        product_id=job.product_id,
        product_name=job.product_name,
        model_file=job.model_file,
        order_id=job.order_id,
        started_at=local(job.started_at, lens.zone) or "",
        started_at_utc=utc(job.started_at) or "",
        last_updated=local(job.updated_at, lens.zone) or "",
        last_updated_utc=utc(job.updated_at) or "",
    )


def _current(job: Job, lens: Lens, usual_s: float | None) -> CurrentJob:
    basics = _basics(job, lens, estimate(known_of(job, usual_s), lens.now))
    shown = {name: basics[name] for name in CurrentJob.model_fields if name in basics}
    return CurrentJob(
        **shown,
        print_status_id=job.id,
        product_name=job.product_name,
        model_file=job.model_file,
    )


def printer_view(
    printer: Printer,
    lens: Lens,
    *,
    job: Job | None = None,
    usual_s: float | None = None,
    filament_mm: float = 0.0,
) -> PrinterView:
    """A printer with what it works on."""
    return PrinterView(
        printer_id=printer.printer_id,
        name=printer.name,
        model=printer.model,
        location=printer.location,
        driver=printer.driver,
        url=printer.url,
        has_credentials=printer.sealed_credentials is not None,
        status=printer_status(
            printer.reported_state,
            is_offline=printer.is_offline,
            job_status=job.status if job is not None else None,
        ),
        last_seen_at=local(printer.last_seen_at, lens.zone),
        last_seen_at_utc=utc(printer.last_seen_at),
        link=Link(state=printer.link_state, error=printer.link_error),
        ages=Ages(
            link_seconds=age_s(printer.link_seen_at, lens.now),
            printer_seconds=age_s(printer.last_seen_at, lens.now),
            job_seconds=age_s(job.updated_at, lens.now) if job is not None else None,
        ),
        readings=printer.readings,
        current_job=_current(job, lens, usual_s) if job is not None else None,
        filament_used_mm_total=round(filament_mm, 2),
        camera=Camera.model_validate(printer.camera) if printer.camera else None,
        camera_score=printer.camera_score,
        created_at=local(printer.created_at, lens.zone) or "",
        created_at_utc=utc(printer.created_at) or "",
    )


def queue_view(item: QueueItem, job: Job | None, lens: Lens) -> QueueView:
    """A queue item with its print."""
    return QueueView(
        id=item.id,
        product_id=item.product_id,
        product_name=item.product_name,
        model_file=item.model_file,
        order_id=item.order_id,
        printer_id=item.printer_id,
        print_status_id=job.id if job is not None else None,
        status=job.status if job is not None else None,
        created_at=local(item.created_at, lens.zone) or "",
        created_at_utc=utc(item.created_at) or "",
    )


def command_view(command: Command) -> CommandView:
    """A command and what came of it."""
    return CommandView(
        id=command.id,
        printer_id=command.printer_id,
        print_status_id=command.job_id,
        command=command.command,
        state=command.state,
        error=command.error,
        requested_by=command.requested_by,
        requested_at_utc=command.requested_at,
        settled_at_utc=command.settled_at,
    )


def alert_view(alert: Alert, *, is_english: bool = False) -> AlertView:
    """An alert in the reader's language."""
    return AlertView(
        id=alert.id,
        kind=alert.kind,
        severity=alert.severity,
        printer_id=alert.printer_id,
        print_status_id=alert.job_id,
        message=alert.message if is_english else alert.message_pt,
        created_at_utc=alert.created_at,
        updated_at_utc=alert.updated_at,
        resolved_at_utc=alert.resolved_at,
    )
