"""Puts the gateway together; the only place that knows all its parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from fastapi import FastAPI
from slowapi.errors import RateLimitExceeded
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from common.errors import Unavailable
from common.parts import Parts
from common.requests import answer
from common.serve import create_app
from common.trust import trust
from gateway.buckets import Buckets
from gateway.callers import Callers
from gateway.dashboard.files import FOLDER, Files
from gateway.dashboard.pages import dashboard_router
from gateway.edge import Edge
from gateway.health import HealthProbe, health_router
from gateway.identity.api import identity_router
from gateway.identity.bootstrap import bootstrap
from gateway.identity.doors import doors_router
from gateway.identity.revocations import Revocations
from gateway.identity.secrets import Passwords
from gateway.identity.service import Identity
from gateway.identity.session_door import session_router
from gateway.identity.throttle import LoginThrottle, translate_throttled
from gateway.identity.tokens import SigningKeys, TokenIssuer
from gateway.identity.verifier import CredentialVerifier
from gateway.models import metadata
from gateway.openapi import MergedOpenApi
from gateway.routes import load_routes
from gateway.settings import Settings
from gateway.sockets import OpenSockets, SocketProxy
from gateway.upstreams import Upstream
from gateway.workers import close_ended_sockets, reload_routes, until_done

_EXPOSED: Final = [
    "X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
]  # fmt: skip


class Gateway:
    """Every part of the gateway, made without touching the network."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        redis_url = settings.redis_url.get_secret_value()
        self.parts = Parts(settings, package="gateway", metadata=metadata)
        self.issuer = TokenIssuer(SigningKeys(settings.signing_key_file))
        self.credentials = CredentialVerifier(self.parts.database, issuer=self.issuer)
        self.passwords = Passwords()
        self.open_sockets = OpenSockets()
        self.revocations = Revocations(
            settings.database_url.get_secret_value(),
            verifier=self.credentials,
            on_ended=self.open_sockets.end,
            on_resumed=lambda: close_ended_sockets(self.open_sockets, self.credentials),
        )
        self.buckets = Buckets(redis_url)
        self.throttle = LoginThrottle(redis_url)
        self.upstreams = {name: Upstream(name, url) for name, url in settings.upstreams.items()}
        self.has_bootstrapped = asyncio.Event()
        self.app = self._build_app()
        self.edge = self._build_edge()
        self.documents = MergedOpenApi(
            self.app.openapi(), upstreams=self.upstreams, is_public=self._is_public
        )
        self.app.openapi = self.documents.document  # type: ignore[method-assign] # FastAPI's documented way

    def _build_app(self) -> FastAPI:
        settings = self.settings
        probe = HealthProbe(
            settings, database=self.parts.database, bus=self.parts.bus, buckets=self.buckets
        )
        app = create_app(
            settings,
            title="Gemba",
            description="The whole mesh: vision, floor, printers, devices and the cluster itself.",
            lifespan=self._lifespan,
            routers=[
                dashboard_router(Files.read(FOLDER)),
                health_router(probe),
                identity_router(settings, self.throttle),
                doors_router(settings, self.throttle),
                session_router(settings, self.throttle),
            ],
            checks={**self.parts.checks, "identity": self._identity_is_ready},
        )
        app.state.limiter = self.throttle.limiter
        app.state.issuer = self.issuer
        app.state.credentials = self.credentials
        app.state.revocations = self.revocations
        app.state.identity = Identity(
            settings,
            database=self.parts.database,
            issuer=self.issuer,
            passwords=self.passwords,
        )
        app.add_exception_handler(RateLimitExceeded, _on_throttled)
        return app

    def _build_edge(self) -> Edge:
        settings = self.settings
        return Edge(
            self.app,
            table=load_routes(settings.routes_file, overrides=settings.limits),
            callers=Callers(self.credentials, allowed_origins=settings.allowed_origins),
            buckets=self.buckets,
            issuer=self.issuer,
            upstreams=self.upstreams,
            sockets=SocketProxy(self.open_sockets),
            trusted_proxies=frozenset(settings.trusted_proxies),
            max_header_bytes=settings.max_header_bytes,
        )

    def _is_public(self, path: str) -> bool:
        """Wants no bearer: it is open, or its credential is a printer's or a device's own."""
        route = self.edge.table.find(path)
        return route is not None and (route.row.auth == "public" or bool(route.row.credential))

    def _identity_is_ready(self) -> None:
        if not self.has_bootstrapped.is_set():
            raise Unavailable("the first user has not been made yet")

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        client = httpx.AsyncClient(trust_env=False, verify=trust())
        async with self.parts.running(app), client, asyncio.TaskGroup() as tasks:
            app.state.http = client
            workers = [
                tasks.create_task(until_done(self._bootstrap, done=self.has_bootstrapped)),
                tasks.create_task(self.revocations.run()),
                tasks.create_task(self.documents.keep_fresh(client)),
                tasks.create_task(reload_routes(self.edge, self.settings)),
            ]
            yield
            for worker in workers:
                worker.cancel()
            for upstream in self.upstreams.values():
                upstream.connections.close()

    async def _bootstrap(self) -> None:
        await bootstrap(self.settings, database=self.parts.database, passwords=self.passwords)


async def _on_throttled(request: Request, error: Exception) -> Response:
    assert isinstance(error, RateLimitExceeded)
    return answer(request, translate_throttled(error))


def build_gateway(settings: Settings) -> ASGIApp:
    """The gateway as an ASGI app; pages of allowed origins may call it."""
    edge = Gateway(settings).edge
    if not settings.allowed_origins:
        return edge
    return CORSMiddleware(
        edge,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", "Idempotency-Key"],
        expose_headers=_EXPOSED,
        max_age=600,
    )
