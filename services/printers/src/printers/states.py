"""The states of a print, their words, and which moves are allowed (contract, chapter 7)."""

from typing import Final, Literal

JobStatus = Literal["pending", "preparing", "printing", "paused", "completed", "failed", "canceled"]
PrinterStatus = Literal["idle", "printing", "paused", "offline", "error"]
Driver = Literal["api", "octoprint", "moonraker", "mqtt"]
CommandName = Literal["pause", "resume", "cancel"]

ACTIVE: Final = ("pending", "preparing", "printing", "paused")
FINAL: Final = ("completed", "failed", "canceled")
PORTUGUESE: Final = {
    "pending": "Pendente",
    "preparing": "Preparando",
    "printing": "Imprimindo",
    "paused": "Pausado",
    "completed": "Concluído",
    "failed": "Falhou",
    "canceled": "Cancelado",
}


def formatted(status: str, *, is_english: bool) -> str:
    """The word that users read."""
    return status.capitalize() if is_english else PORTUGUESE[status]


def printer_status(
    reported_state: str, *, is_offline: bool, job_status: str | None
) -> PrinterStatus:
    """What a printer does now.

    Args:
        reported_state: what it, or its bridge, said last.
        is_offline: it has not been heard for too long.
        job_status: the state of its newest active job, None without one.
    """
    if reported_state == "error":
        return "error"
    if is_offline or reported_state == "offline":
        return "offline"
    if job_status == "paused" or reported_state == "paused":
        return "paused"
    if job_status in ("printing", "preparing") or reported_state in ("printing", "preparing"):
        return "printing"
    return "idle"
