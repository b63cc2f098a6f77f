"""Turns what the store says into a principal: whose session or key this is, and its rights now."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.auth import Principal
from gateway.identity.repository import KeyWithCreator
from gateway.identity.roles import MACHINE, PERMISSIONS
from gateway.models import User

_FAR = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


def principal_of_user(user: User, *, session_id: UUID, expires_at: float) -> Principal:
    """A logged-in person; the role is the store's, not the token's."""
    return Principal(
        subject=user.username,
        kind="user",
        name=user.name,
        role=user.role,
        permissions=PERMISSIONS[user.role],
        session_id=str(session_id),
        expires_at=expires_at,
    )


def principal_of_key(found: KeyWithCreator) -> Principal:
    """A program; it never has more than who made its key has today."""
    key = found.key
    permissions = frozenset(key.permissions)
    if found.creator_role is not None and "*" not in PERMISSIONS[found.creator_role]:
        permissions = frozenset() if key.role == MACHINE else _within(permissions, found)
    return Principal(
        subject=f"key:{key.id}",
        kind="key",
        name=key.name,
        role=key.role,
        permissions=permissions,
        session_id=str(key.id),
        expires_at=(key.expires_at or _FAR).timestamp(),
    )


def _within(permissions: frozenset[str], found: KeyWithCreator) -> frozenset[str]:
    creator = Principal(
        subject="creator",
        kind="user",
        role=str(found.creator_role),
        permissions=PERMISSIONS[str(found.creator_role)],
        expires_at=0,
    )
    return frozenset(p for p in permissions if creator.has(p))
