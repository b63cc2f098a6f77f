"""What every request of every service passes through, as plain ASGI (no BaseHTTPMiddleware).

Gives the request its id, normalises the trailing slash, counts, measures and logs it.
"""

import asyncio
import logging
import re
import secrets
import time
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from prometheus_client import Counter, Histogram, Summary
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.logs import redact, request_id, traceparent
from common.tracing import Spans

_REQUESTS: Final = Counter("http_requests_total", "Requests answered.", ["route", "method", "code"])
_DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Time from the request's first byte to the answer's last.",
    ["route", "method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
# What all routes have in common, without labels: cheap enough to be read every other second.
_ALL: Final = Summary("http_any_request_duration_seconds", "Time of every request, of any route.")
_FAILED: Final = Counter("http_failed_requests", "Requests answered with a status of 500 or more.")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
# What machines ask or tell all day long: that it failed is news, that it went well is not.
_ROUTINE: Final = re.compile(
    r"/internal/|/openapi\.json$|/api/v1/webhooks/(events|heartbeat|artifacts)|/api/status/update$"
    r"|/api/v1/[^/]+/telemetry$|/api/v1/observations$"
)
_log = logging.getLogger("access")


def new_request_id() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


def header_of(scope: Scope, name: bytes) -> str | None:
    """The first value of a request header, or None. The name is lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


def new_traceparent() -> str:
    """A W3C trace context for a request that came without one."""
    random = secrets.token_hex(24)
    return f"00-{random[:32]}-{random[32:]}-01"


def adopt_ids(scope: Scope) -> str:
    """Take over the caller's request id and trace when sane, else make new ones."""
    given = header_of(scope, b"x-request-id")
    identity = given if given and _SANE_ID.fullmatch(given) else new_request_id()
    request_id.set(identity)
    trace = header_of(scope, b"traceparent")
    traceparent.set(trace if trace and _TRACEPARENT.fullmatch(trace) else new_traceparent())
    return identity


def _replace_nul(scope: Scope) -> None:
    """Put the replacement character where a NUL stands: PostgreSQL stores NUL in no text."""
    if "\x00" in scope["path"]:
        scope["path"] = scope["path"].replace("\x00", "\ufffd")
        scope["raw_path"] = quote(scope["path"]).encode()
    if b"%00" in scope["query_string"]:
        scope["query_string"] = scope["query_string"].replace(b"%00", b"%EF%BF%BD")


class Observed:
    """The outermost ASGI layer of a service: ids, slashes, metrics and the access log."""

    def __init__(self, app: ASGIApp, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle HTTP; a WebSocket only gets its ids and its path."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            # uvicorn dies by the signal that stopped it, so the end is here.
            await asyncio.to_thread(self._spans.close)
            return
        identity = adopt_ids(scope)
        _strip_slash(scope)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        _replace_nul(scope)
        if not self._spans.are_wanted or _is_quiet(scope):
            await self._timed(scope, receive, send, identity=identity)
            return
        is_root = header_of(scope, b"traceparent") is None
        with self._spans.span(scope["method"], is_root=is_root) as span:
            status = await self._timed(scope, receive, send, identity=identity)
            if span is not None:
                span.update_name(f"{scope['method']} {route_of(scope)}")
                span.set_attributes(
                    {
                        "http.request.method": scope["method"],
                        "http.route": route_of(scope),
                        "http.response.status_code": status,
                    }
                )

    async def _timed(self, scope: Scope, receive: Receive, send: Send, *, identity: str) -> int:
        # 499 stays when the client hung up before there was an answer.
        status = 499
        began = time.perf_counter()

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [h for h in message.get("headers", ()) if h[0] != b"x-request-id"]
                message["headers"] = [*headers, (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        except Exception:
            status = 500
            raise
        finally:
            observe_request(scope, status=status, duration_s=time.perf_counter() - began)
        return status


def _is_quiet(scope: Scope) -> bool:
    """Probes, scrapes and the dashboard's files: they come by themselves and tell nothing."""
    path: str = scope["path"]
    return path in _QUIET or path.startswith("/dashboard/")


@cache
def _meters(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """The metrics of these labels; there are as many as routes have ways to end."""
    labels = (route, method, str(status))
    return _REQUESTS.labels(*labels), _DURATION.labels(*labels)


def observe_request(scope: Scope, *, status: int, duration_s: float) -> None:
    """Count one answered request and write its access line."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    requests, duration = _meters(route_of(scope), method, status)
    requests.inc()
    duration.observe(duration_s)
    is_quiet = _is_quiet(scope)
    if not is_quiet:
        _ALL.observe(duration_s)
        if status >= 500:
            _FAILED.inc()
    is_routine = status < 400 and _ROUTINE.match(scope["path"]) is not None
    level = logging.DEBUG if is_quiet or is_routine else logging.INFO
    if _log.isEnabledFor(level):
        query = scope.get("query_string", b"").decode("latin-1")
        path = scope["path"] + (f"?{redact(query)}" if query else "")
        _log.log(
            level,
            "%s %s %d",
            scope["method"],
            path,
            status,
            extra={"duration_ms": round(duration_s * 1000, 2)},
        )


def request_totals() -> tuple[float, float, float]:
    """How many requests this process has answered, in how many seconds, and how many failed."""
    values = {
        sample.name.rpartition("_")[2]: sample.value
        for metric in (*_ALL.collect(), *_FAILED.collect())
        for sample in metric.samples
    }
    return values["count"], values["sum"], values["total"]


def route_of(scope: Scope) -> str:
    """The route's template: a label must not grow with every id that somebody asks for."""
    template: Any = scope.get("gemba.route")
    if template is None:
        template = getattr(scope.get("route"), "path", None)
    return str(template) if template else "(none)"


def _strip_slash(scope: Scope) -> None:
    path: str = scope["path"]
    if len(path) > 1 and path.endswith("/"):
        scope["path"] = path.rstrip("/") or "/"
        raw: bytes | None = scope.get("raw_path")
        if raw:
            scope["raw_path"] = raw.rstrip(b"/") or b"/"
