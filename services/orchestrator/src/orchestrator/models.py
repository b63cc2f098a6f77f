"""Tables of the orchestrator, in its own schema: machines, inspections, leases and evidence."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db import metadata_for

metadata = metadata_for("orchestrator")


class Base(DeclarativeBase):
    """Maps Python types to PostgreSQL's for every table of this service."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy declares it as an instance's attribute
        datetime: TIMESTAMP(timezone=True),
        # SQL's NULL, not JSON's: `results - 'overlay'` knows what to do with it.
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(Text),
        list[dict[str, Any]]: JSONB,
        str: Text,
    }


class Catalogue(Base):
    """A tool catalogue as nodes sent it; nodes of one build share one row."""

    __tablename__ = "catalogues"

    digest: Mapped[str] = mapped_column(primary_key=True)
    tools: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Machine(Base):
    """A vision machine. `status` is what users see; silence and maintenance override reports."""

    __tablename__ = "machines"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    location: Mapped[str] = mapped_column(server_default="")
    ip_address: Mapped[str]
    port: Mapped[int]
    max_concurrent_inspections: Mapped[int] = mapped_column(server_default="1")
    supported_inspection_types: Mapped[list[str]] = mapped_column(server_default="{}")
    hardware_specs: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    catalogue_digest: Mapped[str | None] = mapped_column(ForeignKey("catalogues.digest"))
    tool_names: Mapped[list[str] | None]
    registered_by: Mapped[str]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    status: Mapped[str] = mapped_column(server_default="offline")
    reported_status: Mapped[str] = mapped_column(server_default="offline")
    is_in_maintenance: Mapped[bool] = mapped_column(server_default=text("false"))
    last_heartbeat: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    reported_inspections: Mapped[int] = mapped_column(server_default="0")
    system_info: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    performance_metrics: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    blocked_until: Mapped[datetime | None]
    push_failures: Mapped[int] = mapped_column(server_default="0")
    last_push_error: Mapped[str | None]


class Inspection(Base):
    """One inspection and its place in the queue; the lease is the right to work on it."""

    __tablename__ = "inspections"
    __table_args__ = (
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        Index(
            "ix_inspections_queue",
            "rank_at",
            "id",
            postgresql_where=text("status = 'pending' AND queued_at IS NOT NULL"),
        ),
        Index(
            "ix_inspections_leases",
            "machine_id",
            postgresql_where=text("lease_token IS NOT NULL"),
        ),
        Index(
            "ix_inspections_expiry",
            "lease_expires_at",
            postgresql_where=text("lease_token IS NOT NULL"),
        ),
        Index("ix_inspections_created_at", "created_at", "id"),
        Index("ix_inspections_status", "status", "created_at"),
        Index("ix_inspections_machine", "machine_id", "created_at"),
        Index("ix_inspections_type", "inspection_type", "created_at"),
        Index("ix_inspections_completed_at", "completed_at"),
        Index("ix_inspections_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
        Index("ix_inspections_images", "image_ids", postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    inspection_type: Mapped[str]
    pipeline_config: Mapped[dict[str, Any]]
    tool_names: Mapped[list[str]] = mapped_column(server_default="{}")
    image_ids: Mapped[list[str]] = mapped_column(server_default="{}")
    is_checked: Mapped[bool] = mapped_column(server_default=text("true"))
    is_continuous: Mapped[bool] = mapped_column(server_default=text("false"))
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    target_machine_id: Mapped[str | None]
    location: Mapped[str] = mapped_column(server_default="")
    strategy: Mapped[str] = mapped_column(server_default="load_balanced")
    preferred_machines: Mapped[list[str]] = mapped_column(server_default="{}")
    auto_distribute: Mapped[bool] = mapped_column(server_default=text("true"))
    created_by: Mapped[str] = mapped_column(server_default="")
    # Of the request that queued it: the log lines and spans of its whole way join that request's.
    request_id: Mapped[str | None]
    traceparent: Mapped[str | None]

    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime | None]
    rank_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    assigned_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    machine_id: Mapped[str | None]
    lease_token: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    attempt_count: Mapped[int] = mapped_column(server_default="0")
    attempts_allowed: Mapped[int] = mapped_column(server_default="5")
    dead_at: Mapped[datetime | None]
    estimated_wait_s: Mapped[float | None]
    estimated_at: Mapped[datetime | None]
    results: Mapped[dict[str, Any] | None]
    error_message: Mapped[str | None]


class Attempt(Base):
    """One lease of an inspection and how it ended: evidence that is only added to."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_machine", "machine_id", "started_at"),)

    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("inspections.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    machine_id: Mapped[str]
    lease_token: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[str | None]
    processing_time_s: Mapped[float | None]


class LateReport(Base):
    """A result that came too late or twice: kept as evidence, and changing nothing."""

    __tablename__ = "late_reports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("inspections.id", ondelete="CASCADE"), index=True
    )
    machine_id: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    report: Mapped[dict[str, Any]]


class Artifact(Base):
    """A file that a node made in one attempt, such as an overlay picture."""

    __tablename__ = "artifacts"

    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("inspections.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UploadedImage(Base):
    """An uploaded picture or video, inspected by its `image_id`."""

    __tablename__ = "images"

    id: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    frames: Mapped[int | None]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str]
    uploaded_by: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Cost(Base):
    """What an inspection of one type takes on one machine, as a moving mean of measured times."""

    __tablename__ = "costs"

    machine_id: Mapped[str] = mapped_column(
        ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    )
    inspection_type: Mapped[str] = mapped_column(primary_key=True)
    mean_s: Mapped[float]
    samples: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
