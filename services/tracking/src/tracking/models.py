"""Tables of the tracking service, in its own schema: the floor, what was seen, what it meant."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from common.db import metadata_for

metadata = metadata_for("tracking")
VECTOR_SIZE: Final = 512


class Vector(UserDefinedType[str]):
    """pgvector's type, written and read as its text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """How PostgreSQL calls it."""
        return f"vector({VECTOR_SIZE})"


class Base(DeclarativeBase):
    """Maps Python types to PostgreSQL's for every table of this service."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy declares it as an instance's attribute
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        list[list[float]]: JSONB,
        str: Text,
    }


class Rulebook(Base):
    """One row: the schedule and the rules. `revision` rises with each change to the floor."""

    __tablename__ = "rulebook"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    schedule: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    alert_rules: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    revision: Mapped[int] = mapped_column(BigInteger, server_default="1")


class Worker(Base):
    """A person who works on the floor."""

    __tablename__ = "workers"
    __table_args__ = (
        Index(
            "ix_workers_badge",
            "badge_id",
            unique=True,
            postgresql_where=text("active AND badge_id IS NOT NULL"),
        ),
    )

    worker_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    badge_id: Mapped[str | None]
    shift: Mapped[str | None]
    skill_level: Mapped[str | None]
    station_assignments: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Camera(Base):
    """A camera; its address is sealed, `shown_url` is what is left of it without credentials."""

    __tablename__ = "cameras"

    camera_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    sealed_url: Mapped[str]
    shown_url: Mapped[str]
    location: Mapped[str] = mapped_column(server_default="")
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[float]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    # Rises with each change that a running stream must follow.
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Stream(Base):
    """How a camera is kept running: its inspection, and when the next try is due."""

    __tablename__ = "streams"

    camera_id: Mapped[str] = mapped_column(
        ForeignKey("cameras.camera_id", ondelete="CASCADE"), primary_key=True
    )
    inspection_id: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="stopped")
    error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    started_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]


class CameraState(Base):
    """What a camera's frames led to: locked by whoever takes its next batch in."""

    __tablename__ = "camera_states"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    camera_id: Mapped[str] = mapped_column(
        ForeignKey("cameras.camera_id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    clock_s: Mapped[float | None]
    checkpoint_s: Mapped[float] = mapped_column(server_default=text("'-Infinity'"))
    state: Mapped[str] = mapped_column(server_default="")
    heard_at: Mapped[datetime | None]
    is_offline: Mapped[bool] = mapped_column(server_default=text("false"))
    judged_until: Mapped[datetime | None]


class Checkpoint(Base):
    """A camera's state as it was: late frames are placed by going on from there."""

    __tablename__ = "checkpoints"

    camera_id: Mapped[str] = mapped_column(
        ForeignKey("cameras.camera_id", ondelete="CASCADE"), primary_key=True
    )
    clock_s: Mapped[float] = mapped_column(primary_key=True)
    state: Mapped[str]


class FrameRow(Base):
    """A frame that was taken in: it is known again, and can be gone over once more."""

    __tablename__ = "frames"
    __table_args__ = (
        Index("ix_frames_time", "camera_id", "time_s"),
        Index("ix_frames_received", "received_at", postgresql_using="brin"),
    )

    camera_id: Mapped[str] = mapped_column(primary_key=True)
    frame_id: Mapped[str] = mapped_column(primary_key=True)
    time_s: Mapped[float]
    tracks: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Zone(Base):
    """A part of a camera's picture that means something on the floor."""

    __tablename__ = "zones"

    zone_id: Mapped[str] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.camera_id"), index=True)
    name: Mapped[str]
    zone_type: Mapped[str]
    color: Mapped[str]
    polygon_coords: Mapped[list[list[float]]]
    min_workers: Mapped[int]
    max_workers: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SessionRow(Base):
    """A stay. Its sums reach up to `until`, the last sight."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_open", "zone_id", postgresql_where=text("exit_time IS NULL")),
        Index("ix_sessions_camera", "camera_id", "as_of_s"),
        Index("ix_sessions_zone", "zone_id", "entry_time"),
        Index("ix_sessions_worker", "worker_id", "entry_time"),
        Index("ix_sessions_entry", "entry_time"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    session_id: Mapped[str] = mapped_column(primary_key=True)
    camera_id: Mapped[str]
    zone_id: Mapped[str]
    worker_id: Mapped[str | None]
    track_id: Mapped[str]
    entry_time: Mapped[datetime]
    exit_time: Mapped[datetime | None]
    until: Mapped[datetime]
    state: Mapped[str]
    active_s: Mapped[float]
    idle_s: Mapped[float]
    unseen_s: Mapped[float]
    motion_score: Mapped[float]
    index_number: Mapped[int | None]
    shift: Mapped[str | None]
    # The camera's clock when the row was written: what a replay from before it must look at again.
    as_of_s: Mapped[float]


class Stretch(Base):
    """A part of a stay in one state: the timeline. The last one of an open stay has no end."""

    __tablename__ = "stretches"
    __table_args__ = (Index("ix_stretches_time", "started_at", "ended_at"),)

    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.session_id", ondelete="CASCADE"), primary_key=True
    )
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[str]
    ended_at: Mapped[datetime | None]


class Alert(Base):
    """Something that a person should look at; one is open for each cause."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_open", "cause", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_alerts_time", "timestamp"),
    )

    alert_id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    cause: Mapped[str]
    alert_type: Mapped[str]
    severity: Mapped[str]
    camera_id: Mapped[str | None]
    zone_id: Mapped[str | None]
    worker_id: Mapped[str | None]
    session_id: Mapped[str | None]
    message: Mapped[str]
    timestamp: Mapped[datetime]
    updated_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    action_taken: Mapped[str | None]


class Anomaly(Base):
    """Something unusual on the floor; what it was is kept for those who ask later."""

    __tablename__ = "anomalies"
    __table_args__ = (
        Index("ix_anomalies_open", "cause", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_anomalies_time", "timestamp"),
        Index("ix_anomalies_zone", "zone_id", "timestamp"),
    )

    anomaly_id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    cause: Mapped[str]
    anomaly_type: Mapped[str]
    severity: Mapped[str]
    camera_id: Mapped[str | None]
    zone_id: Mapped[str | None]
    worker_id: Mapped[str | None]
    session_id: Mapped[str | None]
    description: Mapped[str]
    root_cause: Mapped[str | None]
    timestamp: Mapped[datetime]
    updated_at: Mapped[datetime]
    # When the cause ended; a person may have resolved it before.
    ended_at: Mapped[datetime | None]
    resolved: Mapped[bool] = mapped_column(server_default=text("false"))
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    embedding: Mapped[str | None] = mapped_column(Vector)


class Tick(Base):
    """When something periodic was last done, so that one replica does it."""

    __tablename__ = "ticks"

    name: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]
    value: Mapped[int | None]
