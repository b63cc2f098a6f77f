"""Finds the caller of a request: which credential it brought, and whose it is."""

from collections.abc import Iterable
from typing import Final

from common.asgi import header_of
from common.auth import Principal
from common.errors import Forbidden, InvalidToken, Unauthorized
from gateway.exchange import Exchange
from gateway.forwarding import host_of, query_parameter
from gateway.identity.secrets import KEY_PREFIX
from gateway.identity.session_cookie import SAFE_METHODS, has_page_header, session_token
from gateway.identity.verifier import CredentialVerifier

_BEARER: Final = "bearer "


class Callers:
    """Identifies callers by the route's rule."""

    def __init__(self, credentials: CredentialVerifier, *, allowed_origins: Iterable[str]) -> None:
        self._credentials = credentials
        self._allowed_origins = frozenset(allowed_origins)

    async def identify(self, exchange: Exchange) -> Principal | None:
        """The caller, None where the route needs none and there is none.

        Raises:
            InvalidToken: a credential was sent, and it is not good.
            Forbidden: a CSRF token was used, is stale or another's, or a browser's session is
                used for a change by a page that is not ours.
            Unauthorized: a CSRF token is missing.
        """
        rule = exchange.route.row.auth
        if rule == "public":
            return None
        credential = _credential_of(exchange)
        if credential:
            bearer: Principal | None = await self._credentials.verify(credential)
        else:
            bearer = await self._by_cookie(exchange)
        if rule == "csrf":
            ticket = query_parameter(exchange, "csrf_token")
            exchange.used_parameters.add(b"csrf_token")
            return await self._credentials.use_ticket(ticket, bearer=bearer)
        return bearer

    async def _by_cookie(self, exchange: Exchange) -> Principal | None:
        """Who a browser's session is; one that has ended is as none."""
        token = session_token(exchange.scope)
        if token is None:
            return None
        check_page(exchange)
        try:
            return await self._credentials.verify_cookie(token)
        except InvalidToken:
            return None

    def check_origin(self, exchange: Exchange) -> None:
        """Refuse a foreign page's WebSocket; programs send no `Origin`.

        Raises:
            Forbidden: the page is neither ours nor of an allowed origin.
        """
        origin = header_of(exchange.scope, b"origin")
        if origin is None or origin.rstrip("/") in self._allowed_origins:
            return
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or host.lower() != host_of(exchange).lower():
            raise Forbidden("This origin may not open WebSockets here.")


def demand_caller(exchange: Exchange) -> None:
    """Refuse who brought no credential to a path that wants one.

    Raises:
        Unauthorized: there is no caller.
    """
    if exchange.principal is None and exchange.route.row.auth in ("token", "csrf"):
        raise Unauthorized()


def check_page(exchange: Exchange) -> None:
    """Refuse what another page makes a browser send with our cookie.

    A page of another origin can neither set our header (the browser asks first, and CORS refuses)
    nor open a socket under an `Origin` of ours, which `check_origin` has compared already.

    Raises:
        Forbidden: it is a change without our header, or a socket without an `Origin`.
    """
    if exchange.scope["type"] == "websocket":
        if header_of(exchange.scope, b"origin") is None:
            raise Forbidden("A browser's session opens WebSockets from its own pages only.")
    elif exchange.scope["method"] not in SAFE_METHODS and not has_page_header(exchange.scope):
        raise Forbidden("A change by a browser's session wants the header X-Gemba-Page.")


def _credential_of(exchange: Exchange) -> str | None:
    header = header_of(exchange.scope, b"authorization")
    if header is not None:
        if header[: len(_BEARER)].lower() != _BEARER:
            raise InvalidToken()
        return header[len(_BEARER) :].strip()
    key = header_of(exchange.scope, b"x-api-key")
    if key is not None and (key.startswith(KEY_PREFIX) or not exchange.route.row.credential):
        return key
    if exchange.scope["type"] == "websocket" and exchange.route.row.auth == "token":
        exchange.used_parameters.add(b"token")
        return query_parameter(exchange, "token")
    return None
