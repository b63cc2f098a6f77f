"""Who is calling: the gateway's short-lived token, verified by its JWKS (contract, chapter 3)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal

import httpx
from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security.utils import get_authorization_scheme_param
from jose import JWTError, jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import Forbidden, InvalidToken, Unauthorized, Unavailable
from common.trust import trust

ISSUER: Final = "gemba"
MESH_AUDIENCE: Final = "mesh"
ALGORITHM: Final = "ES256"
SERVICE_ROLE: Final = "service"
# None for who does not know yet what it is called.
Audience = Callable[[], str | None]
_REFETCH_AFTER_S: Final = 5.0
_CACHE_SIZE: Final = 10_000
# `write` and `read` do not reach these: they are given by name, or by `*`.
_BY_NAME_ONLY: Final = frozenset({"observations:write"})
_log = logging.getLogger("auth")


def machine_audience(machine_id: str) -> str:
    """Whom a token is for that goes to a machine.

    Anybody who may register machines can make us call an address of their choice. What they get
    there opens that one machine and nothing else of the mesh.
    """
    return f"machine:{machine_id}"


class Principal(BaseModel):
    """A verified caller: a user, an API key or another service."""

    model_config = ConfigDict(frozen=True)

    subject: str
    kind: Literal["user", "key", "service"]
    name: str = ""
    role: str
    permissions: frozenset[str]
    session_id: str = ""
    expires_at: float

    def has(self, permission: str) -> bool:
        """True when the permission was given by name, by `*`, or `x:read` by `read`."""
        held = self.permissions
        if "*" in held or permission in held:
            return True
        return permission.endswith(":read") and "read" in held and permission not in _BY_NAME_ONLY

    @property
    def is_service(self) -> bool:
        """True for another service of the mesh."""
        return self.role == SERVICE_ROLE

    @property
    def is_machine(self) -> bool:
        """True for a vision node's key."""
        return self.role == "machine"


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The caller that a verified mesh token speaks of.

    Raises:
        InvalidToken: the claims are not those of a mesh token.
    """
    try:
        return Principal(
            subject=claims["sub"],
            kind=claims["kind"],
            name=claims.get("name", ""),
            role=claims["role"],
            permissions=frozenset(claims["perms"]),
            session_id=claims.get("sid", ""),
            expires_at=float(claims["exp"]),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise InvalidToken() from error


class TokenVerifier:
    """Verifies mesh tokens by the gateway's public keys, fetched once and on an unknown key id."""

    def __init__(
        self,
        jwks_url: str,
        *,
        audience: Audience = lambda: MESH_AUDIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._jwks_url = jwks_url
        self._audience = audience
        self._clock = clock
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()
        self._seen: dict[tuple[str, str], Principal] = {}

    async def verify(self, token: str) -> Principal:
        """The caller behind a token.

        Raises:
            InvalidToken: forged, expired, of another audience or signed by an unknown key.
            Unavailable: the gateway has not told its keys yet, or we have no name yet.
        """
        audience = self._audience()
        if audience is None:
            raise Unavailable("This part of the mesh does not know its own name yet.")
        known = self._seen.get((audience, token))
        if known is not None and known.expires_at > self._clock():
            return known
        key = await self._key_for(token)
        try:
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER
            )
        except JWTError as error:
            raise InvalidToken() from error
        principal = principal_of(claims)
        if len(self._seen) >= _CACHE_SIZE:
            self._seen.clear()
        self._seen[(audience, token)] = principal
        return principal

    async def _key_for(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except JWTError as error:
            raise InvalidToken() from error
        key_id = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
            raise InvalidToken()
        if key_id not in self._keys:
            await self._fetch()
        if key_id not in self._keys:
            raise InvalidToken()
        return self._keys[key_id]

    async def _fetch(self) -> None:
        async with self._lock:
            if time.monotonic() - self._fetched_at < _REFETCH_AFTER_S and self._keys:
                return
            try:
                async with httpx.AsyncClient(timeout=3.0, verify=trust()) as client:
                    response = await client.get(self._jwks_url)
                    response.raise_for_status()
                    keys = response.json()["keys"]
            except (httpx.HTTPError, ValueError, KeyError) as error:
                _log.warning("the gateway's keys cannot be fetched: %r", error)
                raise Unavailable("The gateway's keys cannot be fetched right now.") from error
            self._keys = {key["kid"]: key for key in keys}
            self._fetched_at = time.monotonic()


def bearer_of(connection: HTTPConnection) -> str | None:
    """The bearer credential of a request or a WebSocket handshake."""
    header = connection.headers.get("authorization")
    scheme, token = get_authorization_scheme_param(header)
    return token if scheme.lower() == "bearer" and token else None


async def current_principal(connection: HTTPConnection) -> Principal:
    """The caller of this request; a dependency.

    Raises:
        Unauthorized: no token.
        InvalidToken: not a token of this mesh.
    """
    token = bearer_of(connection)
    if token is None:
        raise Unauthorized()
    verifier: TokenVerifier = connection.app.state.verifier
    return await verifier.verify(token)


def require(permission: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency that lets in only callers with this permission, and gives the caller."""

    async def dependency(
        principal: Annotated[Principal, Depends(current_principal)],
    ) -> Principal:
        if not principal.has(permission):
            raise Forbidden(details={"required": permission})
        return principal

    return dependency


async def require_service(
    principal: Annotated[Principal, Depends(current_principal)],
) -> Principal:
    """A dependency for `/internal/*`: only another service of the mesh may call.

    Raises:
        Forbidden: the caller is a user or an API key.
    """
    if not principal.is_service:
        raise Forbidden()
    return principal


Caller = Annotated[Principal, Depends(current_principal)]
