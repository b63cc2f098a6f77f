"""What a report means for a printer and its jobs: which job it speaks of, what changes. Pure."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from printers.advancing import Change
from printers.models import Job, Printer
from printers.reports import Report
from printers.states import JobStatus

# A print that has gone this far did not begin a moment ago.
_BEGUN_S: Final = 30.0


def meet(printer: Printer, report: Report, now: datetime) -> bool:
    """Note what a printer shows of itself; True when it had been silent."""
    printer.link_seen_at = now
    printer.link_state = "up" if report.gone is None else "unreachable"
    printer.link_error = report.gone
    if report.state is not None:
        printer.reported_state = report.state
    elif report.outcome is not None:
        printer.reported_state = "idle"
    if report.readings:
        printer.readings = {**printer.readings, **report.readings}
    if printer.reported_state == "offline":
        return False
    printer.last_seen_at = report.at
    was_offline, printer.is_offline = printer.is_offline, False
    return was_offline


def face(printer: Printer) -> tuple[object, ...]:
    """What viewers are told of when it changes."""
    return (printer.reported_state, printer.is_offline, printer.link_state)


def chosen(active: Sequence[Job], report: Report) -> Job | None:
    """The job that a report speaks of: the one under way, else one that was started for it."""
    under_way = [job for job in active if job.status != "pending"]
    same = [job for job in under_way if report.file and job.printer_file == report.file]
    if same or under_way:
        return (same or under_way)[-1]
    pending = [job for job in active if report.file and is_same_model(job.model_file, report.file)]
    waiting = pending or active
    return waiting[0] if waiting else None


def is_under_way(printer: Printer, report: Report, current: Job | None) -> bool:
    """True while it prints; temperatures alone belong to the print that is being followed."""
    printing = ("printing", "paused", "preparing")
    if report.began or report.state in printing:
        return True
    is_followed = current is not None and current.printer_file is not None
    return report.state is None and is_followed and printer.reported_state in printing


def is_another(job: Job, report: Report) -> bool:
    """True when a report speaks of another print than this one."""
    if job.printer_file is None or report.file is None:
        return False
    if report.file != job.printer_file:
        return True
    return report.began and job.printed_s > _BEGUN_S and job.progress >= 1


def change_of(report: Report, job: Job) -> Change:
    """What a report of a print that is under way says of its job."""
    status: JobStatus | None = None
    if report.began or report.state is not None:
        status = report.state if report.state in ("paused", "preparing") else "printing"
    return Change(
        at=max(report.at, job.updated_at),
        status=status,
        progress=report.progress,
        readings=report.readings,
        may_turn_back=True,
    )


def is_same_model(model_file: str, printed_file: str) -> bool:
    """True when a G-code file was sliced from this model: `dragon.stl`, `Dragon_0.2mm.gcode`."""
    model = PurePosixPath(model_file).stem.casefold()
    printed = PurePosixPath(printed_file).stem.casefold()
    return printed == model or (
        bool(model) and printed.startswith(model) and not printed[len(model)].isalnum()
    )
