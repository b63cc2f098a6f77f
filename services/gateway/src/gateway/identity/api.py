"""The identity endpoints of `/api/v1`: login, refresh, logout, keys and users."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request

from common.db import Session
from common.serve import service_router
from gateway.identity.access import Admin, Caller, IdentityPart, RevocationsPart
from gateway.identity.roles import PERMISSIONS
from gateway.identity.schemas import (
    AccessResponse,
    ApiKeyCreated,
    ApiKeyList,
    ApiKeyRequest,
    ApiKeyShown,
    LoginRequest,
    LoginResponse,
    MessageResponse,
    RefreshRequest,
    UserChange,
    UserList,
    UserRequest,
    UserShown,
    UserSummary,
)
from gateway.identity.throttle import LoginThrottle, remember_username
from gateway.models import ApiKey, User
from gateway.settings import Settings


def identity_router(settings: Settings, throttle: LoginThrottle) -> APIRouter:
    """Login, refresh, logout, API keys and users below `/api/v1`."""
    router = service_router(prefix="/api/v1", tags=["identity"])

    @router.post("/auth/login", dependencies=[Depends(remember_username)])
    @throttle.door
    async def login(request: Request, body: LoginRequest, identity: IdentityPart) -> LoginResponse:
        """Open a session and get its tokens."""
        opened = await identity.login(body)
        return LoginResponse(
            access_token=opened.access_token,
            refresh_token=opened.refresh_token,
            expires_in=opened.expires_in,
            user=UserSummary(
                user_id=opened.user.username,
                name=opened.user.name,
                role=opened.user.role,
                permissions=sorted(opened.principal.permissions),
            ),
        )

    @router.post("/auth/refresh")
    async def refresh(
        body: RefreshRequest, session: Session, identity: IdentityPart
    ) -> AccessResponse:
        """A new access token; the refresh token stays valid."""
        token = await identity.refresh(session, body.refresh_token)
        return AccessResponse(access_token=token, expires_in=settings.access_token_s)

    _add_session_routes(router)
    _add_key_routes(router)
    _add_user_routes(router)
    return router


def _add_session_routes(router: APIRouter) -> None:
    @router.post("/auth/logout")
    async def logout(
        caller: Caller, session: Session, identity: IdentityPart, revocations: RevocationsPart
    ) -> MessageResponse:
        """End this session: its tokens fail at once and its WebSockets close."""
        ended = await identity.logout(session, caller)
        await session.commit()
        for subject in ended:
            revocations.ended(subject)
        return MessageResponse(message="Successfully logged out")


def _add_key_routes(router: APIRouter) -> None:
    @router.post("/auth/api-keys", status_code=201)
    async def create_key(
        caller: Caller, body: ApiKeyRequest, session: Session, identity: IdentityPart
    ) -> ApiKeyCreated:
        """Make an API key; it is shown this once."""
        key, secret = await identity.create_key(session, body, creator=caller)
        return ApiKeyCreated(
            key_id=key.id,
            api_key=secret,
            name=key.name,
            permissions=key.permissions,
            created_at=key.created_at,
            expires_at=key.expires_at,
        )

    @router.get("/auth/api-keys")
    async def list_keys(caller: Caller, session: Session, identity: IdentityPart) -> ApiKeyList:
        """The caller's keys, by prefix; an admin sees all."""
        keys = [_shown_key(key) for key in await identity.list_keys(session, caller)]
        return ApiKeyList(total=len(keys), api_keys=keys)

    @router.delete("/auth/api-keys/{key_id}", status_code=204)
    async def revoke_key(
        key_id: UUID,
        caller: Caller,
        session: Session,
        identity: IdentityPart,
        revocations: RevocationsPart,
    ) -> None:
        """End a key at once."""
        ended = await identity.revoke_key(session, key_id, caller=caller)
        await session.commit()
        for subject in ended:
            revocations.ended(subject)


def _add_user_routes(router: APIRouter) -> None:
    @router.get("/users")
    async def list_users(_admin: Admin, session: Session, identity: IdentityPart) -> UserList:
        """Every user."""
        users = [_shown_user(user) for user in await identity.list_users(session)]
        return UserList(total=len(users), users=users)

    @router.post("/users", status_code=201)
    async def create_user(
        _admin: Admin, body: UserRequest, session: Session, identity: IdentityPart
    ) -> UserShown:
        """Add a user."""
        return _shown_user(await identity.create_user(session, body))

    @router.get("/users/{username}")
    async def find_user(
        username: str, _admin: Admin, session: Session, identity: IdentityPart
    ) -> UserShown:
        """One user."""
        return _shown_user(await identity.find_user(session, username))

    @router.patch("/users/{username}")
    async def change_user(
        username: str,
        _admin: Admin,
        body: UserChange,
        session: Session,
        identity: IdentityPart,
        revocations: RevocationsPart,
    ) -> UserShown:
        """Change name, role or password; a new role or password ends the user's sessions."""
        user, ended = await identity.change_user(session, username, body)
        await session.commit()
        for subject in ended:
            revocations.ended(subject)
        return _shown_user(user)

    @router.delete("/users/{username}", status_code=204)
    async def delete_user(
        username: str,
        _admin: Admin,
        session: Session,
        identity: IdentityPart,
        revocations: RevocationsPart,
    ) -> None:
        """Remove a user with their sessions and keys."""
        ended = await identity.delete_user(session, username)
        await session.commit()
        for subject in ended:
            revocations.ended(subject)


def _shown_user(user: User) -> UserShown:
    return UserShown(
        username=user.username,
        name=user.name,
        role=user.role,
        permissions=sorted(PERMISSIONS[user.role]),
        created_at=user.created_at,
        updated_at=user.updated_at,
    )


def _shown_key(key: ApiKey) -> ApiKeyShown:
    return ApiKeyShown(
        key_id=key.id,
        prefix=key.prefix,
        name=key.name,
        role=key.role,
        permissions=key.permissions,
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
