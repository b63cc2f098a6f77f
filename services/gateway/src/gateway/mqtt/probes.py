"""What the MQTT door has of HTTP: `/healthz`, `/readyz` and `/metrics` on a port of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import generate_latest

from common.serve import VERSION

_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
Ready = Callable[[], dict[str, bool]]


@asynccontextmanager
async def answering(host: str, port: int, *, ready: Ready) -> AsyncIterator[None]:
    """Answer probes until the block ends; with port 0 nobody asks, and nothing is opened.

    Args:
        host: address to listen on.
        port: port to listen on.
        ready: by dependency's name, whether it answers.
    """
    if not port:
        yield
        return
    runner = web.AppRunner(_app(ready), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, shutdown_timeout=1).start()
        yield
    finally:
        await runner.cleanup()


def _app(ready: Ready) -> web.Application:
    async def alive(request: web.Request) -> web.Response:
        return web.json_response({"status": "alive", "version": VERSION})

    async def is_ready(request: web.Request) -> web.Response:
        found = ready()
        is_well = all(found.values())
        states = {name: "healthy" if is_up else "unhealthy" for name, is_up in found.items()}
        body = {"status": "ready" if is_well else "not ready", "components": states}
        return web.json_response(body, status=200 if is_well else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": _PROMETHEUS})

    app = web.Application()
    paths: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
        "/healthz": alive,
        "/readyz": is_ready,
        "/metrics": metrics,
    }
    app.add_routes([web.get(path, answer) for path, answer in paths.items()])
    return app
