"""Tables of the gateway: who may come in, and with what."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db import metadata_for


class Base(DeclarativeBase):
    """The gateway's tables share one schema."""

    metadata = metadata_for("gateway")
    type_annotation_map = {datetime: DateTime(timezone=True), list[str]: ARRAY(String)}  # noqa: RUF012 - SQLAlchemy reads it from the class


metadata = Base.metadata


class User(Base):
    """A person; the password is kept as an argon2id hash."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class UserSession(Base):
    """One login: its access tokens carry the id, its refresh token is kept as a hash."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey(User.username, ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class ApiKey(Base):
    """A key for programs; only its hash and its first characters are kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(20))
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(String(20))
    permissions: Mapped[list[str]]
    created_by: Mapped[str | None] = mapped_column(
        ForeignKey(User.username, ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class CsrfToken(Base):
    """A ticket for one WebSocket handshake; deleted by the handshake that uses it."""

    __tablename__ = "csrf_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    reference: Mapped[UUID]
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_csrf_tokens_expires_at", "expires_at"),)
