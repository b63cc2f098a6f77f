"""All the SQL of identity. Every change that ends a right also tells the other gateways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.models import ApiKey, CsrfToken, User, UserSession

CHANNEL: Final = "gemba_identity"


@dataclass(frozen=True, slots=True)
class KeyWithCreator:
    """A usable key and the role of who made it (None for the mesh's own first key)."""

    key: ApiKey
    creator_role: str | None


async def notify(session: AsyncSession, subject: str) -> None:
    """Tell every gateway, at commit, that what it knows of this subject has ended."""
    await session.execute(
        text("SELECT pg_notify(:channel, :subject)"), {"channel": CHANNEL, "subject": subject}
    )


async def find_user(session: AsyncSession, username: str) -> User | None:
    """The user of this name."""
    return await session.get(User, username)


async def list_users(session: AsyncSession) -> Sequence[User]:
    """Every user by name."""
    return (await session.scalars(select(User).order_by(User.username))).all()


async def count_users(session: AsyncSession, *, role: str | None = None) -> int:
    """How many users there are, of one role or of all."""
    query = select(func.count()).select_from(User)
    if role is not None:
        query = query.where(User.role == role)
    return int((await session.execute(query)).scalar_one())


async def lock_users(session: AsyncSession) -> None:
    """Hold back other changes of users until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('gemba-users'))"))


async def add_user(
    session: AsyncSession, *, username: str, name: str, role: str, password_hash: str
) -> User | None:
    """A new user, or None when the name is taken."""
    statement = (
        insert(User)
        .values(username=username, name=name, role=role, password_hash=password_hash)
        .on_conflict_do_nothing()
        .returning(User)
    )
    return (await session.scalars(statement)).one_or_none()


async def delete_user(session: AsyncSession, username: str) -> bool:
    """Remove a user with all sessions and keys; False when there was none."""
    result = await session.execute(
        delete(User).where(User.username == username).returning(User.username)
    )
    return result.scalar_one_or_none() is not None


async def add_session(
    session: AsyncSession,
    *,
    session_id: UUID,
    username: str,
    refresh_hash: bytes,
    expires_at: datetime,
) -> None:
    """Open a session; sessions of the past are swept in passing."""
    await session.execute(delete(UserSession).where(UserSession.expires_at < func.now()))
    session.add(
        UserSession(
            id=session_id, username=username, refresh_hash=refresh_hash, expires_at=expires_at
        )
    )


async def _user_of(
    session: AsyncSession, condition: ColumnElement[bool]
) -> tuple[User, UUID] | None:
    query = (
        select(User, UserSession.id)
        .join(UserSession, UserSession.username == User.username)
        .where(condition, UserSession.revoked_at.is_(None), UserSession.expires_at > func.now())
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def user_of_session(session: AsyncSession, session_id: UUID) -> User | None:
    """Whose open session this is."""
    found = await _user_of(session, UserSession.id == session_id)
    return found[0] if found else None


async def user_of_refresh_token(
    session: AsyncSession, refresh_hash: bytes
) -> tuple[User, UUID] | None:
    """Whose refresh token this is, and of which session."""
    return await _user_of(session, UserSession.refresh_hash == refresh_hash)


async def revoke_sessions(session: AsyncSession, condition: ColumnElement[bool]) -> list[UUID]:
    """End the open sessions that meet the condition; their ids."""
    statement = (
        update(UserSession)
        .where(condition, UserSession.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(UserSession.id)
    )
    return list((await session.scalars(statement)).all())


async def add_key(session: AsyncSession, key: ApiKey) -> None:
    """Keep a new key; one with the same hash is there already after a restart."""
    values = {c.key: getattr(key, c.key) for c in ApiKey.__table__.columns if c.key in vars(key)}
    await session.execute(
        insert(ApiKey).values(**values).on_conflict_do_nothing(index_elements=[ApiKey.key_hash])
    )


async def list_keys(session: AsyncSession, *, created_by: str | None) -> Sequence[ApiKey]:
    """Keys that are not revoked, newest first; of one creator or of all."""
    query = select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.created_at.desc())
    if created_by is not None:
        query = query.where(ApiKey.created_by == created_by)
    return (await session.scalars(query)).all()


async def revoke_key(session: AsyncSession, key_id: UUID, *, created_by: str | None) -> bool:
    """End a key; False when there is none that this person may end."""
    statement = (
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKey.id)
    )
    if created_by is not None:
        statement = statement.where(ApiKey.created_by == created_by)
    return (await session.scalars(statement)).one_or_none() is not None


async def usable_key(
    session: AsyncSession, *, key_hash: bytes | None = None, key_id: UUID | None = None
) -> KeyWithCreator | None:
    """The key that is neither revoked nor expired, found by hash or by id."""
    by = ApiKey.key_hash == key_hash if key_hash is not None else ApiKey.id == key_id
    query = (
        select(ApiKey, User.role)
        .outerjoin(User, User.username == ApiKey.created_by)
        .where(
            by,
            ApiKey.revoked_at.is_(None),
            (ApiKey.expires_at.is_(None)) | (ApiKey.expires_at > func.now()),
        )
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    await session.execute(
        update(ApiKey).where(ApiKey.id == row[0].id).values(last_used_at=func.now())
    )
    return KeyWithCreator(row[0], row[1])


async def add_ticket(
    session: AsyncSession, *, token_hash: bytes, kind: str, reference: UUID, expires_at: datetime
) -> None:
    """Keep a CSRF token; those of the past are swept in passing."""
    await session.execute(delete(CsrfToken).where(CsrfToken.expires_at < func.now()))
    session.add(
        CsrfToken(token_hash=token_hash, kind=kind, reference=reference, expires_at=expires_at)
    )


async def take_ticket(session: AsyncSession, token_hash: bytes) -> tuple[str, UUID] | None:
    """Use a CSRF token up: its bearer's kind and reference, or None when it is no longer good."""
    statement = (
        delete(CsrfToken)
        .where(CsrfToken.token_hash == token_hash)
        .returning(CsrfToken.kind, CsrfToken.reference, CsrfToken.expires_at > func.now())
    )
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1]) if row is not None and row[2] else None
