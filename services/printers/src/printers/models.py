"""Tables of the printers service, in its own schema: printers, their queue, jobs and history."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db import metadata_for

metadata = metadata_for("printers")


class Base(DeclarativeBase):
    """Maps Python types to PostgreSQL's for every table of this service."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy declares it as an instance's attribute
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        str: Text,
    }


class Printer(Base):
    """A printer; the times tell apart its link, itself and its job (`link_seen_at` and so on)."""

    __tablename__ = "printers"

    printer_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    model: Mapped[str] = mapped_column(server_default="")
    location: Mapped[str] = mapped_column(server_default="")
    driver: Mapped[str] = mapped_column(server_default="api")
    url: Mapped[str] = mapped_column(server_default="")
    sealed_credentials: Mapped[str | None]
    camera: Mapped[dict[str, Any] | None]
    key_hash: Mapped[str]
    # Rises with each change that a bridge must know of.
    revision: Mapped[int] = mapped_column(server_default="1")

    reported_state: Mapped[str] = mapped_column(server_default="idle")
    is_offline: Mapped[bool] = mapped_column(server_default=text("true"))
    last_seen_at: Mapped[datetime | None]
    link_seen_at: Mapped[datetime | None]
    link_state: Mapped[str] = mapped_column(server_default="never")
    link_error: Mapped[str | None]
    readings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    camera_score: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QueueItem(Base):
    """Something to be printed."""

    __tablename__ = "queue_items"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    product_id: Mapped[int | None] = mapped_column(BigInteger)
    product_name: Mapped[str]
    model_file: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    printer_id: Mapped[str | None] = mapped_column(
        ForeignKey("printers.printer_id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """One print: the document's "print status". It keeps what the queue item said at its start."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "ix_jobs_active",
            "printer_id",
            "id",
            postgresql_where=text("status IN ('pending','preparing','printing','paused')"),
        ),
        Index("ix_jobs_file", "model_file", "completed_at"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    # No foreign key: a job outlives its printer.
    printer_id: Mapped[str] = mapped_column(index=True)
    queue_id: Mapped[int | None] = mapped_column(
        ForeignKey("queue_items.id", ondelete="SET NULL"), unique=True
    )
    product_id: Mapped[int | None] = mapped_column(BigInteger)
    product_name: Mapped[str]
    model_file: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    printer_file: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    progress: Mapped[float] = mapped_column(server_default="0")
    message: Mapped[str | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The newest time that an update spoke of; older ones only add to the history.
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
    printing_since: Mapped[datetime | None]
    printed_s: Mapped[float] = mapped_column(server_default="0")
    remaining_s: Mapped[float | None]
    remaining_at: Mapped[datetime | None]
    first_estimate: Mapped[datetime | None]
    first_estimate_source: Mapped[str | None]
    filament_used_mm: Mapped[float] = mapped_column(server_default="0")
    point_seconds: Mapped[int] = mapped_column(server_default="1")
    point_count: Mapped[int] = mapped_column(server_default="0")


class Point(Base):
    """The readings of one stretch of a job's time, `point_seconds` long."""

    __tablename__ = "points"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    bucket: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    readings: Mapped[dict[str, Any]]


class Alert(Base):
    """Something that a person should look at; one is open for each cause."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_open", "cause", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_alerts_printer", "printer_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    cause: Mapped[str]
    kind: Mapped[str]
    severity: Mapped[str]
    printer_id: Mapped[str]
    job_id: Mapped[int | None]
    message: Mapped[str]
    message_pt: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    resolved_at: Mapped[datetime | None]


class Command(Base):
    """What somebody asked a printer to do, who it was, and what came of it."""

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_printer", "printer_id", "id"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    printer_id: Mapped[str]
    job_id: Mapped[int | None]
    command: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="requested")
    error: Mapped[str | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
