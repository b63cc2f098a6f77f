"""Tables of the devices service, in its own schema.

`measurement` is partitioned by how long its rows are kept and then by time. The partitions live in
the schema `devices_data`, made and dropped by the service's workers, not by migrations.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db import metadata_for

VALUE = Numeric(20, 10)


class Base(DeclarativeBase):
    """The tables share one schema."""

    metadata = metadata_for("devices")
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        list[datetime]: ARRAY(DateTime(timezone=True)),
        dict[str, Any]: JSONB,
        Decimal: VALUE,
    }


metadata = Base.metadata


class Device(Base):
    """A registered device; of its token only the hash is kept."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    public_id: Mapped[UUID] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(20), index=True)
    description: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)


class Presence(Base):
    """When a device was last heard, and the sightings that its cadence is learned from."""

    __tablename__ = "presence"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    device_id: Mapped[int] = mapped_column(
        ForeignKey(Device.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    last_seen_at: Mapped[datetime]
    recent: Mapped[list[datetime]]


class Unit(Base):
    """A unit's normalised symbol; 1 is no unit."""

    __tablename__ = "unit"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(32), unique=True)


class Series(Base):
    """One metric of one device, with its newest reading."""

    __tablename__ = "series"
    __table_args__ = (
        Index("uq_series_device_id_metric", "device_id", "metric", unique=True),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey(Device.id, ondelete="CASCADE"))
    metric: Mapped[str] = mapped_column(String(100))
    kept_days: Mapped[int] = mapped_column(SmallInteger)
    unit_id: Mapped[int] = mapped_column(server_default="1")
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    last_value: Mapped[Decimal | None]
    last_unit_id: Mapped[int] = mapped_column(server_default="1")


class Measurement(Base):
    """One reading. Each leaf partition has a unique index on (series, timestamp, value)."""

    __tablename__ = "measurement"
    __table_args__ = ({"postgresql_partition_by": "LIST (kept_days)"},)
    __mapper_args__ = {"primary_key": ["id"]}  # noqa: RUF012 - SQLAlchemy reads it from the class

    id: Mapped[int] = mapped_column(
        BigInteger, server_default=text("nextval('devices.measurement_id')")
    )
    timestamp: Mapped[datetime]
    series_id: Mapped[int] = mapped_column(Integer)
    unit_id: Mapped[int] = mapped_column(Integer)
    kept_days: Mapped[int] = mapped_column(SmallInteger)
    quality: Mapped[int] = mapped_column(SmallInteger)
    value: Mapped[Decimal]


class _Rollup:
    """Count, sum and extremes of one series in one unit within one bucket."""

    series_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bucket: Mapped[datetime] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[Decimal] = mapped_column(Numeric)
    minimum: Mapped[Decimal]
    maximum: Mapped[Decimal]


class FiveMinute(_Rollup, Base):
    """Rollup of five minutes."""

    __tablename__ = "five_minute"


class Hourly(_Rollup, Base):
    """Rollup of an hour."""

    __tablename__ = "hourly"


class Daily(_Rollup, Base):
    """Rollup of a UTC day."""

    __tablename__ = "daily"


class RollupMark(Base):
    """An hour whose rollup is no longer right, written in the transaction that made it so."""

    __tablename__ = "rollup_mark"
    __table_args__ = (Index("ix_rollup_mark_series_id_hour", "series_id", "hour"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    series_id: Mapped[int]
    hour: Mapped[datetime]


class Orphan(Base):
    """A series whose device was deleted and whose readings are still to be removed."""

    __tablename__ = "orphan"

    series_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Repeat(Base):
    """An `Idempotency-Key` and what was accepted under it."""

    __tablename__ = "repeat"

    scope: Mapped[bytes] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    accepted: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Rule(Base):
    """What must hold of a metric; its state lets any replica go on evaluating it."""

    __tablename__ = "rule"
    __table_args__ = (
        CheckConstraint("kind IN ('threshold', 'rate', 'silence')", name="kind"),
        Index("ix_rule_device_id_metric", "device_id", "metric"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey(Device.id, ondelete="CASCADE"))
    metric: Mapped[str] = mapped_column(String(100), server_default="")
    kind: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(20))
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    evaluated_to: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Alert(Base):
    """What a rule has found; at most one is open a rule."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_open_rule", "rule_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey(Device.id, ondelete="CASCADE"), index=True)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey(Rule.id, ondelete="SET NULL"))
    metric: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(20))
    message: Mapped[str]
    value: Mapped[Decimal | None]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
