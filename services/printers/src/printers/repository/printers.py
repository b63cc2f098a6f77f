"""Rows of printers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Job, Printer, QueueItem
from printers.states import ACTIVE


async def get(session: AsyncSession, printer_id: str, *, lock: bool = False) -> Printer | None:
    """The printer of this id."""
    statement = select(Printer).where(Printer.printer_id == printer_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def get_by_key(
    session: AsyncSession, printer_id: str, key_hash: str, *, lock: bool
) -> Printer | None:
    """The printer of this id if this is its key's hash; nothing is locked when it is not.

    Whoever changes a printer and its jobs locks the printer first, so that no two wait in a ring.
    """
    statement = select(Printer).where(
        Printer.printer_id == printer_id, Printer.key_hash == key_hash
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(session: AsyncSession, *, limit: int, offset: int) -> tuple[Sequence[Printer], int]:
    """One page of printers by id, and how many there are."""
    count = await session.scalar(select(func.count()).select_from(Printer))
    statement = select(Printer).order_by(Printer.printer_id).limit(limit).offset(offset)
    return (await session.execute(statement)).scalars().all(), count or 0


async def everyone(session: AsyncSession) -> Sequence[Printer]:
    """Every printer, by id."""
    return (await session.execute(select(Printer).order_by(Printer.printer_id))).scalars().all()


async def bridged(session: AsyncSession) -> Sequence[Printer]:
    """The printers that a bridge or a camera speaks for."""
    statement = select(Printer).where(
        Printer.driver.in_(("octoprint", "moonraker")) | Printer.camera.is_not(None)
    )
    return (await session.execute(statement)).scalars().all()


async def remove(session: AsyncSession, printer_id: str) -> None:
    """Delete a printer; its jobs stay."""
    await session.execute(
        update(QueueItem).where(QueueItem.printer_id == printer_id).values(printer_id=None)
    )
    await session.execute(delete(Printer).where(Printer.printer_id == printer_id))


async def touch(session: AsyncSession, printer_id: str, **values: Any) -> None:
    """Set some of a printer's columns without reading it first."""
    await session.execute(update(Printer).where(Printer.printer_id == printer_id).values(**values))


async def silence(session: AsyncSession, *, before: datetime) -> list[str]:
    """Mark printers that were last heard before this as offline; their ids."""
    statement = (
        update(Printer)
        .where(Printer.is_offline.is_(False), Printer.last_seen_at < before)
        .values(is_offline=True)
        .returning(Printer.printer_id)
    )
    return list((await session.execute(statement)).scalars())


async def current_jobs(session: AsyncSession, printer_ids: Sequence[str]) -> dict[str, Job]:
    """By printer, its newest active job."""
    statement = (
        select(Job)
        .where(Job.printer_id.in_(printer_ids), Job.status.in_(ACTIVE))
        .distinct(Job.printer_id)
        .order_by(Job.printer_id, (Job.status == "pending").asc(), Job.id.desc())
    )
    return {job.printer_id: job for job in (await session.execute(statement)).scalars()}


async def filament_totals(session: AsyncSession, printer_ids: Sequence[str]) -> dict[str, float]:
    """By printer, the millimetres of filament that its jobs have used."""
    statement = (
        select(Job.printer_id, func.sum(Job.filament_used_mm))
        .where(Job.printer_id.in_(printer_ids))
        .group_by(Job.printer_id)
    )
    return {row[0]: float(row[1]) for row in (await session.execute(statement)).all()}
