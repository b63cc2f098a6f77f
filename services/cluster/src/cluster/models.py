"""Tables of the cluster service: samples, alerts, log lines, settings, operations, services."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db import metadata_for

metadata = metadata_for("cluster")


class Base(DeclarativeBase):
    """Maps Python types to PostgreSQL's for every table of this service."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy declares it as an instance's attribute
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
    }


class Sample(Base):
    """One host's load at one moment."""

    __tablename__ = "samples"
    __table_args__ = (Index("ix_samples_at", "at"),)

    node: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    cpu_percent: Mapped[float]
    memory_percent: Mapped[float]
    disk_percent: Mapped[float]
    load_average: Mapped[list[Any]]
    network_bytes_sent: Mapped[int] = mapped_column(BigInteger)
    network_bytes_recv: Mapped[int] = mapped_column(BigInteger)
    gpu: Mapped[list[Any] | None]


class Rollup(Base):
    """A host's samples of one bucket: means, and the peaks that a mean hides."""

    __tablename__ = "rollups"
    __table_args__ = (Index("ix_rollups_at", "width_s", "at"),)

    node: Mapped[str] = mapped_column(primary_key=True)
    width_s: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    samples: Mapped[int]
    cpu_percent: Mapped[float]
    cpu_percent_max: Mapped[float]
    memory_percent: Mapped[float]
    memory_percent_max: Mapped[float]
    disk_percent: Mapped[float]
    load_average: Mapped[list[Any]]
    network_bytes_sent: Mapped[int] = mapped_column(BigInteger)
    network_bytes_recv: Mapped[int] = mapped_column(BigInteger)
    gpu: Mapped[list[Any] | None]


class Alert(Base):
    """Something that needs attention, or did; one is open for each cause."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_open", "cause", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_alerts_began_at", "began_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    severity: Mapped[str]
    component: Mapped[str]
    message: Mapped[str]
    source: Mapped[str]
    affected: Mapped[list[Any]] = mapped_column(server_default="[]")
    began_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class Line(Base):
    """One log line; `size` is what it counts against its component's budget."""

    __tablename__ = "log_lines"
    __table_args__ = (
        Index("ix_log_lines_component", "component", "id"),
        Index("ix_log_lines_at", "at"),
        Index(
            "ix_log_lines_request_id",
            "request_id",
            postgresql_where=text("request_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    level: Mapped[int] = mapped_column(SmallInteger)
    component: Mapped[str]
    message: Mapped[str]
    request_id: Mapped[str | None]
    fields: Mapped[dict[str, Any]]
    size: Mapped[int]


class SettingsVersion(Base):
    """The settings as they were from one change to the next, and who made it."""

    __tablename__ = "settings_versions"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    settings: Mapped[dict[str, Any]]
    changes: Mapped[dict[str, Any]]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Operation(Base):
    """An order to a worker and how far it has come; one is under way for each worker."""

    __tablename__ = "operations"
    __table_args__ = (
        Index(
            "ix_operations_open",
            "worker_id",
            unique=True,
            postgresql_where=text("completed_at IS NULL"),
        ),
        Index("ix_operations_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str]
    kind: Mapped[str]
    action: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="requested")
    progress: Mapped[int] = mapped_column(server_default="0")
    message: Mapped[str] = mapped_column(server_default="")
    error: Mapped[str | None]
    requested_by: Mapped[str]
    # What the next step needs to know, should another replica have to take over.
    notes: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]


class KnownService(Base):
    """A service that was there once: should it vanish while we are away, we still miss it."""

    __tablename__ = "known_services"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime]


class Cursor(Base):
    """How far a feed of the bus has been read."""

    __tablename__ = "cursors"

    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
