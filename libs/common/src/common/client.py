"""Calls between services: a service's own token, the request's trace, and always a timeout."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx
import orjson

from common.auth import MESH_AUDIENCE
from common.errors import BadUpstream, Unavailable, UpstreamTimeout
from common.logs import request_id, traceparent
from common.settings import ServiceSettings
from common.trust import trust

_TIMEOUT: Final = httpx.Timeout(10.0, connect=2.0)
_RENEW_BEFORE_S: Final = 60.0
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_RETRIES: Final = 2
_MOST_IDENTITIES: Final = 10_000


def trace_headers() -> dict[str, str]:
    """The headers by which the called service's log lines join those of this request."""
    headers = {}
    if (identity := request_id.get()) is not None:
        headers["X-Request-ID"] = identity
    if (trace := traceparent.get()) is not None:
        headers["traceparent"] = trace
    return headers


class IdentityUnavailable(Unavailable):
    """The gateway gives this service no token now; the called service was never asked."""

    message = "The gateway gives this service no token right now."


class ServiceIdentity(httpx.Auth):
    """Adds the service's token, fetched from the gateway with the service's secret and renewed."""

    def __init__(self, settings: ServiceSettings, *, service: str, audience: str) -> None:
        self._audience = audience
        self._url = f"{settings.gateway_url.rstrip('/')}/internal/service-token"
        self._secret = settings.service_secret.get_secret_value()
        self._service = service
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; once more with a fresh token when the first was refused."""
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._adopt((yield self._token_request()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            async with self._lock:
                await self._adopt((yield self._token_request()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    async def token(self, http: httpx.AsyncClient) -> str:
        """The token itself; raises IdentityUnavailable or httpx.HTTPError."""
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._adopt(await http.send(self._token_request()))
        return self._token

    def is_own_request(self, error: httpx.HTTPError) -> bool:
        """True when it was the request for the token that failed."""
        return isinstance(error, httpx.RequestError) and str(error.request.url) == self._url

    def _token_request(self) -> httpx.Request:
        body = {"service": self._service, "secret": self._secret, "audience": self._audience}
        return httpx.Request("POST", self._url, json=body, headers=trace_headers())

    async def _adopt(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise IdentityUnavailable()
        try:
            answer = orjson.loads(await response.aread())
            self._token = str(answer["access_token"])
            self._renew_at = time.monotonic() + float(answer["expires_in"]) - _RENEW_BEFORE_S
        except (ValueError, KeyError, TypeError) as error:
            raise IdentityUnavailable() from error


class MeshClient:
    """An httpx client that speaks as this service."""

    def __init__(self, settings: ServiceSettings, *, service: str) -> None:
        self._settings = settings
        self._service = service
        self._identities: dict[str, ServiceIdentity] = {}
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            verify=trust(),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float | None = None,
        audience: str = MESH_AUDIENCE,
        **more: Any,
    ) -> httpx.Response:
        """Send one request; methods that may be repeated are, when no connection was made.

        Args:
            method: the HTTP method.
            url: the whole address.
            timeout_s: overrides the house's ten seconds.
            audience: whom the token is for; a machine's own, where a machine is called.
            **more: what `httpx.AsyncClient.request` takes.

        Raises:
            IdentityUnavailable: the gateway gives no token, so nobody was asked.
            Unavailable: nobody answers there.
            UpstreamTimeout: no answer in time.
            BadUpstream: the answer broke off.
        """
        attempts = 1 + (_RETRIES if method.upper() in _IDEMPOTENT else 0)
        headers = {**trace_headers(), **more.pop("headers", {})}
        timeout = _TIMEOUT if timeout_s is None else httpx.Timeout(timeout_s, connect=2.0)
        identity = self._identity_for(audience)
        for attempt in range(attempts):
            try:
                return await self._http.request(
                    method, url, headers=headers, timeout=timeout, auth=identity, **more
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if attempt + 1 == attempts:
                    raise _translated(error, identity) from error
                await asyncio.sleep(0.1 * 2**attempt)
            except httpx.HTTPError as error:
                raise _translated(error, identity) from error
        raise Unavailable()

    async def bearer(self) -> str:
        """This service's own token, for a WebSocket that httpx cannot open.

        Raises:
            IdentityUnavailable: the gateway gives no token.
        """
        identity = self._identity_for(MESH_AUDIENCE)
        try:
            return await identity.token(self._http)
        except httpx.HTTPError as error:
            raise IdentityUnavailable() from error

    def _identity_for(self, audience: str) -> ServiceIdentity:
        identity = self._identities.get(audience)
        if identity is None:
            if len(self._identities) >= _MOST_IDENTITIES:
                self._identities.clear()
            identity = ServiceIdentity(self._settings, service=self._service, audience=audience)
            self._identities[audience] = identity
        return identity

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _translated(error: httpx.HTTPError, identity: ServiceIdentity) -> Unavailable:
    if identity.is_own_request(error):
        return IdentityUnavailable()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Unavailable()
    return UpstreamTimeout() if isinstance(error, httpx.TimeoutException) else BadUpstream()
