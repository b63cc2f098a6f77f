"""Finds the caller of a request: which credential it brought, and whose it is."""

from collections.abc import Iterable
from typing import Final

from common.asgi import header_of
from common.auth import Principal
from common.errors import Forbidden, InvalidToken, Unauthorized
from gateway.exchange import Exchange
from gateway.forwarding import host_of, query_parameter
from gateway.identity.secrets import KEY_PREFIX
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
            Forbidden: a CSRF token was used, is stale or another's.
            Unauthorized: a CSRF token is missing.
        """
        rule = exchange.route.row.auth
        if rule == "public":
            return None
        credential = _credential_of(exchange)
        bearer = await self._credentials.verify(credential) if credential else None
        if rule == "csrf":
            ticket = query_parameter(exchange, "csrf_token")
            exchange.used_parameters.add(b"csrf_token")
            return await self._credentials.use_ticket(ticket, bearer=bearer)
        return bearer

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
