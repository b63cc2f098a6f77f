"""Assembles a service: strict bodies, family errors, probes, metrics, offline docs, and uvicorn."""

import asyncio
import gc
import gzip
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Annotated, Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI, Header, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp

from common.answers import OneWriteProtocol
from common.asgi import Observed
from common.auth import MESH_AUDIENCE, Audience, TokenVerifier
from common.documents import with_errors
from common.frames import FramedProtocol
from common.logs import configure_logging
from common.requests import StrictRoute, install_error_handlers
from common.settings import ServiceSettings
from common.tracing import Spans

VERSION: Final = "0.1.0"
_MAX_WEBSOCKET_MESSAGE: Final = 1024 * 1024

Check = Callable[[], Awaitable[None] | None]
Details = Callable[[], Mapping[str, Any]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def no_details() -> Mapping[str, Any]:
    """A service that has nothing to tell beside its checks."""
    return {}


def service_router(**options: Any) -> APIRouter:
    """A router whose bodies are read strictly; use it in place of FastAPI's own."""
    return APIRouter(route_class=StrictRoute, redirect_slashes=False, **options)


def create_app(
    settings: ServiceSettings,
    *,
    title: str,
    description: str,
    lifespan: Lifespan,
    routers: Sequence[APIRouter],
    checks: Mapping[str, Check],
    details: Details = no_details,
    audience: Audience = lambda: MESH_AUDIENCE,
) -> FastAPI:
    """A FastAPI app with what every service has.

    Args:
        settings: the service's settings.
        title: its name in the documentation.
        description: one sentence for the documentation.
        lifespan: starts and stops what the service holds; puts it on `app.state`.
        routers: the service's own paths.
        checks: by dependency's name, a call that raises while it does not answer.
        details: what `/readyz` tells beside the checks, for the gateway's `/health`.
        audience: whom tokens must be for; of a machine, it alone.
    """
    app = FastAPIOffline(
        title=title,
        description=description,
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        # Swagger UI would ask a validator on the internet about our document.
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": True},
    )
    app.router.route_class = StrictRoute
    app.state.settings = settings
    app.state.verifier = TokenVerifier(
        f"{settings.gateway_url.rstrip('/')}/.well-known/jwks.json", audience=audience
    )
    install_error_handlers(app)
    app.include_router(_probes(checks, details))
    for router in routers:
        app.include_router(router)
    written = app.openapi
    # Written once, when it is first asked for; FastAPI's documented way to say more than it knows.
    app.openapi = cache(lambda: with_errors(written()))  # type: ignore[method-assign]
    return app


def _probes(checks: Mapping[str, Check], details: Details) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "alive", "version": VERSION}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        answers = {name: await answer_of(check) for name, check in checks.items()}
        is_ready = all(answer == "healthy" for answer in answers.values())
        body = {"status": "ready" if is_ready else "not ready", "components": answers, **details()}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    @router.get("/metrics")
    async def metrics(accept_encoding: Annotated[str, Header()] = "") -> Response:
        return metrics_response(accept_encoding)

    return router


async def answer_of(check: Check) -> str:
    """`healthy`, or what kind of error the check ended with."""
    try:
        result = check()
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        # A probe reports whatever is wrong; it must not fall over it.
        return f"unhealthy: {type(error).__name__}"
    return "healthy"


def metrics_response(accept_encoding: str) -> Response:
    """This process's metrics in Prometheus text, compressed where the scraper takes it."""
    text = generate_latest()
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in accept_encoding.lower():
        text = gzip.compress(text, compresslevel=4)
        headers["Content-Encoding"] = "gzip"
    return Response(text, media_type=CONTENT_TYPE_LATEST, headers=headers)


def serve(
    app: ASGIApp,
    settings: ServiceSettings,
    *,
    component: str,
    port: int,
    http: type[asyncio.Protocol] = OneWriteProtocol,
) -> None:
    """Run the app until SIGTERM or Ctrl-C, then let open requests finish within the drain time."""
    configure_logging(component, level=settings.log_level)
    # The app is built and stays as it is: the collector need not look through it for garbage again.
    gc.freeze()
    logging.getLogger("serve").info("%s starts at %s:%d", component, settings.host, port)
    uvicorn.run(
        Observed(app, Spans(settings, component=component)),
        host=settings.host,
        port=port,
        http=http,
        ws=FramedProtocol,
        # Compressing costs a hundred times what sending does, once for each client.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
        timeout_keep_alive=75,
        ws_max_size=_MAX_WEBSOCKET_MESSAGE,
        backlog=1024,
    )
