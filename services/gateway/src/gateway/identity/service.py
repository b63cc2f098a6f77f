"""The rules of identity: login, refresh, logout, users, keys and tickets (contract, chapter 3)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal
from common.db import Database
from common.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    ValidationFailed,
)
from gateway.identity import repository
from gateway.identity.principals import principal_of_user
from gateway.identity.roles import permissions_of_key
from gateway.identity.schemas import ApiKeyRequest, LoginRequest, UserChange, UserRequest
from gateway.identity.secrets import (
    Passwords,
    digest,
    new_api_key,
    new_refresh_token,
    new_ticket,
    shown_prefix,
)
from gateway.identity.tokens import TokenIssuer
from gateway.models import ApiKey, User, UserSession
from gateway.settings import Settings

TICKET_S: Final = 600


@dataclass(frozen=True, slots=True)
class Login:
    """What a login gives."""

    user: User
    principal: Principal
    access_token: str
    refresh_token: str
    expires_in: int


class Identity:
    """Works on one session of the database at a time; holds nothing of a request."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        issuer: TokenIssuer,
        passwords: Passwords,
    ) -> None:
        self._settings = settings
        self._database = database
        self._issuer = issuer
        self._passwords = passwords

    async def login(self, request: LoginRequest) -> Login:
        """Open a session.

        No connection to the database is held while the password is hashed: hashes wait for each
        other, and a crowd of logins would keep all other requests from the store.

        Raises:
            InvalidCredentials: no such user, or another password.
        """
        async with self._database.transaction() as session:
            user = await repository.find_user(session, request.username)
        stored = user.password_hash if user else None
        if not await self._passwords.matches(request.password, stored=stored):
            raise InvalidCredentials()
        refresh_token = new_refresh_token()
        session_id = uuid4()
        async with self._database.transaction() as session:
            user = await repository.find_user(session, request.username)
            if user is None or user.password_hash != stored:
                raise InvalidCredentials()
            await repository.add_session(
                session,
                session_id=session_id,
                username=user.username,
                refresh_hash=digest(refresh_token),
                expires_at=datetime.now(UTC) + timedelta(seconds=self._settings.refresh_token_s),
            )
        access_token, principal = self._access(user, session_id)
        return Login(user, principal, access_token, refresh_token, self._settings.access_token_s)

    def _access(self, user: User, session_id: UUID) -> tuple[str, Principal]:
        lifetime_s = self._settings.access_token_s
        principal = principal_of_user(
            user, session_id=session_id, expires_at=time.time() + lifetime_s
        )
        return self._issuer.access_token(principal, lifetime_s=lifetime_s), principal

    async def refresh(self, session: AsyncSession, refresh_token: str) -> str:
        """A new access token of the same session.

        Raises:
            InvalidToken: unknown, expired, or its session has ended.
        """
        found = await repository.user_of_refresh_token(session, digest(refresh_token))
        if found is None:
            raise InvalidToken()
        return self._access(*found)[0]

    async def logout(self, session: AsyncSession, principal: Principal) -> list[str]:
        """End the caller's session; the subjects of which rights have ended.

        Raises:
            Forbidden: an API key has no session; it is revoked instead.
        """
        if principal.kind != "user":
            raise Forbidden("An API key has no session to end; revoke the key instead.")
        return await self._end(session, UserSession.id == UUID(principal.session_id))

    async def _end(self, session: AsyncSession, condition: object) -> list[str]:
        ended = await repository.revoke_sessions(session, condition)  # type: ignore[arg-type] # SQLAlchemy types a comparison of mapped columns as bool
        for session_id in ended:
            await repository.notify(session, str(session_id))
        return [str(session_id) for session_id in ended]

    async def create_user(self, session: AsyncSession, request: UserRequest) -> User:
        """Add a user.

        Raises:
            AlreadyExists: the name is taken.
        """
        user = await repository.add_user(
            session,
            username=request.username,
            name=request.name,
            role=request.role,
            password_hash=await self._passwords.hash(request.password),
        )
        if user is None:
            raise AlreadyExists(
                f"User {request.username} exists already.", details={"username": request.username}
            )
        return user

    async def list_users(self, session: AsyncSession) -> Sequence[User]:
        """Every user by name."""
        return await repository.list_users(session)

    async def find_user(self, session: AsyncSession, username: str) -> User:
        """A user by name.

        Raises:
            NotFound: there is none.
        """
        user = await repository.find_user(session, username)
        if user is None:
            raise NotFound(f"User {username} not found", details={"username": username})
        return user

    async def change_user(
        self, session: AsyncSession, username: str, change: UserChange
    ) -> tuple[User, list[str]]:
        """Change a user; a new role or password ends their sessions.

        Raises:
            NotFound: there is none of this name.
            Conflict: nobody would be admin any more.
        """
        await repository.lock_users(session)
        user = await self.find_user(session, username)
        if change.role is not None and change.role != user.role:
            await self._keep_an_admin(session, user)
        ends = change.password is not None or change.role not in (None, user.role)
        if change.password is not None:
            user.password_hash = await self._passwords.hash(change.password)
        user.name = change.name or user.name
        user.role = change.role or user.role
        await session.flush()
        await session.refresh(user)
        return user, await self._end_all(session, username) if ends else []

    async def delete_user(self, session: AsyncSession, username: str) -> list[str]:
        """Remove a user with their sessions and keys.

        Raises:
            NotFound: there is none of this name.
            Conflict: it is the last admin.
        """
        await repository.lock_users(session)
        await self._keep_an_admin(session, await self.find_user(session, username))
        ended = await self._end_all(session, username)
        await repository.delete_user(session, username)
        return ended

    async def _keep_an_admin(self, session: AsyncSession, user: User) -> None:
        if user.role == "admin" and await repository.count_users(session, role="admin") <= 1:
            raise Conflict("The last admin can be neither removed nor given another role.")

    async def _end_all(self, session: AsyncSession, username: str) -> list[str]:
        ended = await self._end(session, UserSession.username == username)
        for key in await repository.list_keys(session, created_by=username):
            await repository.notify(session, str(key.id))
            ended.append(str(key.id))
        return ended

    async def create_key(
        self, session: AsyncSession, request: ApiKeyRequest, *, creator: Principal
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown this once.

        Raises:
            ValidationFailed: an unknown permission, or an expiry in the past.
            Forbidden: the creator has not got what the key asks, or is no person.
        """
        if creator.kind != "user" or creator.is_machine:
            raise Forbidden("API keys are made by people, not by other keys.")
        role, permissions = permissions_of_key(request.permissions, creator=creator)
        if request.expires_at is not None and request.expires_at <= datetime.now(UTC):
            raise ValidationFailed(fields={"expires_at": ["must lie in the future"]})
        secret = new_api_key()
        key = ApiKey(
            id=uuid4(),
            name=request.name,
            prefix=shown_prefix(secret),
            key_hash=digest(secret),
            role=role,
            permissions=sorted(permissions),
            created_by=creator.subject,
            created_at=datetime.now(UTC),
            expires_at=request.expires_at,
        )
        await repository.add_key(session, key)
        return key, secret

    async def list_keys(self, session: AsyncSession, caller: Principal) -> Sequence[ApiKey]:
        """The caller's own keys; an admin sees all."""
        return await repository.list_keys(session, created_by=_owner(caller))

    async def revoke_key(
        self, session: AsyncSession, key_id: UUID, *, caller: Principal
    ) -> list[str]:
        """End a key at once.

        Raises:
            NotFound: there is none, or it is another's.
        """
        if not await repository.revoke_key(session, key_id, created_by=_owner(caller)):
            raise NotFound(f"API key {key_id} not found", details={"key_id": str(key_id)})
        await repository.notify(session, str(key_id))
        return [str(key_id)]

    async def create_ticket(self, session: AsyncSession, caller: Principal) -> str:
        """A CSRF token for one WebSocket handshake of this caller."""
        ticket = new_ticket()
        await repository.add_ticket(
            session,
            token_hash=digest(ticket),
            kind=caller.kind,
            reference=UUID(caller.session_id),
            expires_at=datetime.now(UTC) + timedelta(seconds=TICKET_S),
        )
        return ticket


def _owner(caller: Principal) -> str | None:
    return None if caller.has("*") else caller.subject
