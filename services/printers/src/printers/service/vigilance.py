"""Notices what nobody reports: printers that fell silent, commands that nothing came of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.pool import Pool
from printers import metrics
from printers.models import Alert, Job
from printers.repository import alerts, commands, glances, printers
from printers.service.telling import Teller
from printers.settings import Settings
from printers.states import printer_status

_NOTHING = "the printer's state did not follow in time"


class Vigilance:
    """Any replica may do it: each row changes once."""

    def __init__(
        self, settings: Settings, *, database: Database, pool: Pool, teller: Teller
    ) -> None:
        self._settings = settings
        self._database = database
        self._pool = pool
        self._teller = teller

    async def sweep(self) -> int:
        """Mark silent printers as offline and stale commands as failed; how many printers."""
        now = datetime.now(UTC)
        before = now - timedelta(seconds=self._settings.printer_silence_s)
        expired = now - timedelta(seconds=self._settings.printer_command_expiry_s)
        async with self._pool.connection() as connection:
            if not await glances.has_gone_stale(
                connection, seen_before=before, asked_before=expired
            ):
                return 0
        async with self._database.transaction() as session:
            silent = await printers.silence(session, before=before)
            current = await printers.current_jobs(session, silent)
            raised = await _alerts_for(
                session, [job for job in current.values() if job.status != "pending"]
            )
            stale = await commands.expire(session, before=expired, error=_NOTHING)
            gone = [await printers.get(session, printer_id) for printer_id in silent]
        for printer in gone:
            if printer is not None:
                await self._teller.printer(printer, current.get(printer.printer_id))
        await self._teller.alerts(raised)
        await self._teller.commands(stale)
        return len(silent)

    async def measure(self) -> None:
        """Count printers by what they do, for Prometheus."""
        counts = dict.fromkeys(("idle", "printing", "paused", "offline", "error"), 0)
        async with self._pool.connection() as connection:
            for reported, is_offline, job_status, count in await glances.counts(connection):
                status = printer_status(reported, is_offline=is_offline, job_status=job_status)
                counts[status] += count
        for name, count in counts.items():
            metrics.PRINTERS.labels(name).set(count)


async def _alerts_for(session: AsyncSession, orphaned: Sequence[Job]) -> list[Alert]:
    raised = []
    for job in orphaned:
        alert, _ = await alerts.raise_for(session, offline_alert(job))
        raised.append(alert)
    return raised


def offline_alert(job: Job) -> Alert:
    """A printer fell silent in the middle of a print."""
    return Alert(
        cause=f"job_offline:{job.id}",
        kind="offline_in_job",
        severity="critical",
        printer_id=job.printer_id,
        job_id=job.id,
        message=f"Printer {job.printer_id} went offline during print {job.id} ({job.model_file})",
        message_pt=f"A impressora {job.printer_id} ficou offline durante a impressão "
        f"{job.id} ({job.model_file})",
    )
