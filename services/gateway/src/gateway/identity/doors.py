"""The other doors to the same tokens: `/auth/*`, `/api/token/*`, the JWKS and the mesh's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from common.asgi import header_of
from common.db import Session
from common.errors import InvalidToken
from common.requests import translate_validation
from common.serve import service_router
from gateway.identity.access import Caller, IdentityPart, IssuerPart, VerifierPart
from gateway.identity.schemas import (
    AccessResponse,
    CsrfResponse,
    Empty,
    LoginRequest,
    Me,
    ServiceTokenRequest,
    TokenPair,
    TokenRefreshRequest,
    TokenRefreshResponse,
    TokenVerifyRequest,
)
from gateway.identity.secrets import is_service_secret
from gateway.identity.service import TICKET_S
from gateway.identity.throttle import LoginThrottle, remember_username
from gateway.settings import Settings


async def _json_or_form(request: Request) -> LoginRequest:
    """The credentials of `/auth/login`, which takes JSON and the OAuth2 password form alike."""
    is_form = (header_of(request.scope, b"content-type") or "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    )
    try:
        given: Any = dict(await request.form()) if is_form else await request.json()
        return LoginRequest.model_validate(given)
    except ValidationError as error:
        errors = [{**e, "loc": ("body", *e["loc"])} for e in error.errors()]
        raise translate_validation(errors) from error
    except ValueError as error:
        problem = {"loc": ("body",), "type": "json_invalid", "ctx": {"error": str(error)}}
        raise translate_validation([problem]) from error


def doors_router(settings: Settings, throttle: LoginThrottle) -> APIRouter:
    """`/auth/*`, `/api/auth/*`, `/api/token/*`, `/.well-known/jwks.json`, `/internal/*`."""
    router = service_router(tags=["identity"])

    @router.post("/api/auth/login", dependencies=[Depends(remember_username)])
    @router.post("/auth/login", dependencies=[Depends(remember_username)])
    @throttle.door
    async def login(
        request: Request,
        body: Annotated[LoginRequest, Depends(_json_or_form)],
        identity: IdentityPart,
    ) -> AccessResponse:
        """Log in by JSON or by the OAuth2 password form."""
        opened = await identity.login(body)
        return AccessResponse(access_token=opened.access_token, expires_in=opened.expires_in)

    @router.post("/api/token", dependencies=[Depends(remember_username)])
    @throttle.door
    async def obtain_pair(
        request: Request, body: LoginRequest, identity: IdentityPart
    ) -> TokenPair:
        """Log in; `access` and `refresh` open every family."""
        opened = await identity.login(body)
        return TokenPair(access=opened.access_token, refresh=opened.refresh_token)

    _add_token_routes(router)
    _add_caller_routes(router)
    _add_mesh_routes(router, settings)
    return router


def _add_token_routes(router: APIRouter) -> None:
    @router.post("/api/token/refresh")
    async def refresh(
        body: TokenRefreshRequest, session: Session, identity: IdentityPart
    ) -> TokenRefreshResponse:
        """A new access token; the refresh token stays valid."""
        return TokenRefreshResponse(access=await identity.refresh(session, body.refresh))

    @router.post("/api/token/verify")
    async def verify(body: TokenVerifyRequest, verifier: VerifierPart) -> Empty:
        """200 for a good access or refresh token, else 401."""
        await verifier.verify_any(body.token)
        return Empty()


def _add_caller_routes(router: APIRouter) -> None:
    @router.get("/api/auth/me")
    @router.get("/auth/me")
    async def me(caller: Caller) -> Me:
        """Who the caller is and what they may do."""
        return Me(
            user_id=caller.subject,
            username=caller.subject,
            name=caller.name,
            role=caller.role,
            permissions=sorted(caller.permissions),
        )

    @router.get("/api/auth/csrf-token")
    @router.get("/auth/csrf-token")
    async def csrf_token(
        caller: Caller, session: Session, identity: IdentityPart, response: Response
    ) -> CsrfResponse:
        """A single-use token for one handshake at `/ws/{client_id}`."""
        response.headers["Cache-Control"] = "no-store"
        ticket = await identity.create_ticket(session, caller)
        return CsrfResponse(csrf_token=ticket, expires_in=TICKET_S)


def _add_mesh_routes(router: APIRouter, settings: Settings) -> None:
    @router.get("/.well-known/jwks.json")
    async def jwks(issuer: IssuerPart, response: Response) -> dict[str, Any]:
        """The public keys that verify every token of this mesh."""
        response.headers["Cache-Control"] = "public, max-age=60"
        return issuer.keys.jwks()

    @router.post("/internal/service-token", include_in_schema=False)
    async def service_token(body: ServiceTokenRequest, issuer: IssuerPart) -> AccessResponse:
        """A token by which a service of the mesh calls another."""
        secret = settings.mesh_secret.get_secret_value()
        if not is_service_secret(body.secret, mesh_secret=secret, service=body.service):
            raise InvalidToken()
        token, lifetime_s = issuer.service_token(body.service, audience=body.audience)
        return AccessResponse(access_token=token, expires_in=lifetime_s)
