"""Rows of commands: who asked a printer for what, and what came of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from printers.models import Command

_OPEN = ("requested", "sent")


async def get(session: AsyncSession, printer_id: str, command_id: int) -> Command | None:
    """One command of a printer."""
    statement = select(Command).where(Command.id == command_id, Command.printer_id == printer_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, printer_id: str, *, limit: int, offset: int
) -> tuple[Sequence[Command], int]:
    """One page of a printer's commands, newest first, and how many there are."""
    of_printer = Command.printer_id == printer_id
    count = await session.scalar(select(func.count()).select_from(Command).where(of_printer))
    statement = (
        select(Command).where(of_printer).order_by(Command.id.desc()).limit(limit).offset(offset)
    )
    return (await session.execute(statement)).scalars().all(), count or 0


async def settle(
    session: AsyncSession, printer_id: str, *, commands: Sequence[str], job_id: int | None
) -> Sequence[Command]:
    """Note that the printer's own state shows these commands done."""
    statement = (
        update(Command)
        .where(
            Command.printer_id == printer_id,
            Command.state.in_(_OPEN),
            Command.command.in_(commands),
            (Command.job_id == job_id) | Command.job_id.is_(None),
        )
        .values(state="acknowledged", settled_at=func.now())
        .returning(Command)
    )
    return (await session.execute(statement)).scalars().all()


async def mark(
    session: AsyncSession, command_id: int, *, state: str, error: str | None = None
) -> None:
    """Move a command on, unless it has been settled meanwhile."""
    values = {"state": state, "error": error}
    if state == "failed":
        values["settled_at"] = func.now()  # type: ignore[assignment]  # SQL takes it as a value
    await session.execute(
        update(Command).where(Command.id == command_id, Command.state.in_(_OPEN)).values(**values)
    )


async def expire(session: AsyncSession, *, before: datetime, error: str) -> Sequence[Command]:
    """Fail commands that nothing came of."""
    statement = (
        update(Command)
        .where(Command.state.in_(_OPEN), Command.requested_at < before)
        .values(state="failed", error=error, settled_at=func.now())
        .returning(Command)
    )
    return (await session.execute(statement)).scalars().all()
