"""`/auth/session`: how a browser logs in, out, and asks who it is (decision record 0060)."""

from fastapi import APIRouter, Depends, Request, Response

from common.auth import Principal
from common.db import Session
from common.errors import Forbidden
from common.serve import service_router
from gateway.identity.access import PRINCIPAL_KEY, IdentityPart, RevocationsPart
from gateway.identity.schemas import BrowserSession, LoginRequest, Me
from gateway.identity.session_cookie import drop_session, has_page_header, set_session
from gateway.identity.throttle import LoginThrottle, remember_username
from gateway.settings import Settings


async def _from_our_page(request: Request) -> None:
    """Refuse a login that another site's page sends: it would log its victim in as somebody else.

    Raises:
        Forbidden: the header of our pages is missing.
    """
    if not has_page_header(request.scope):
        raise Forbidden("A browser's login wants the header X-Gemba-Page.")


def session_router(settings: Settings, throttle: LoginThrottle) -> APIRouter:
    """The browser's door; programs use the three others."""
    router = service_router(tags=["identity"])

    guards = [Depends(_from_our_page), Depends(remember_username)]

    @router.post("/api/auth/session", dependencies=guards)
    @router.post("/auth/session", dependencies=guards)
    @throttle.door
    async def open_session(
        request: Request,
        response: Response,
        body: LoginRequest,
        identity: IdentityPart,
    ) -> BrowserSession:
        """Log a browser in: its session goes into an HttpOnly cookie, the answer says who it is."""
        opened = await identity.login(body)
        lifetime_s = settings.refresh_token_s
        set_session(response, request, token=opened.refresh_token, lifetime_s=lifetime_s)
        response.headers["Cache-Control"] = "no-store"
        return _shown(_me(opened.principal), settings)

    _add_session_routes(router, settings)
    return router


def _add_session_routes(router: APIRouter, settings: Settings) -> None:
    @router.get("/api/auth/session")
    @router.get("/auth/session")
    async def show_session(request: Request, response: Response) -> BrowserSession:
        """Who this browser is logged in as; null for nobody, which is no error."""
        response.headers["Cache-Control"] = "no-store"
        caller = request.scope.get(PRINCIPAL_KEY)
        user = _me(caller) if caller is not None else None
        return _shown(user, settings)

    @router.delete("/api/auth/session", status_code=204)
    @router.delete("/auth/session", status_code=204)
    async def end_session(
        request: Request,
        session: Session,
        identity: IdentityPart,
        revocations: RevocationsPart,
    ) -> Response:
        """Log the browser out: its session ends, its sockets close, its cookie goes."""
        caller: Principal | None = request.scope.get(PRINCIPAL_KEY)
        if caller is not None and caller.kind == "user":
            ended = await identity.logout(session, caller)
            await session.commit()
            for subject in ended:
                revocations.ended(subject)
        response = Response(status_code=204)
        drop_session(response, request)
        return response


def _me(caller: Principal) -> Me:
    return Me(
        user_id=caller.subject,
        username=caller.subject,
        name=caller.name,
        role=caller.role,
        permissions=sorted(caller.permissions),
    )


def _shown(user: Me | None, settings: Settings) -> BrowserSession:
    return BrowserSession(user=user, timezone=settings.timezone, mqtt_port=settings.mqtt_port)
