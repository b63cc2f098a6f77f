"""OpenTelemetry spans by OTLP, when `GEMBA_OTLP_URL` names a collector; otherwise nothing at all.

The trace itself travels without it: every service hands `traceparent` on (see `asgi`, `client`), an
inspection keeps it while it waits in the queue, so one trace leads from the browser to the node and
back. The libraries are imported only when they are used: they cost a start most of a second.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from common.logs import request_id, traceparent
from common.settings import ServiceSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_EXPORT_TIMEOUT_S: Final = 5
_EXPORT_EVERY_MS: Final = 1000
Attributes = Mapping[str, str | int | float | bool]


class Spans:
    """Makes the spans of one process; without a collector every call costs next to nothing."""

    def __init__(self, settings: ServiceSettings, *, component: str) -> None:
        self._provider: TracerProvider | None = None
        if settings.otlp_url:
            self._provider = _provider(settings, component)

    @property
    def are_wanted(self) -> bool:
        """Somebody collects them."""
        return self._provider is not None

    @contextmanager
    def span(
        self, name: str, *, attributes: Attributes | None = None, is_root: bool = False
    ) -> Iterator["Span | None"]:
        """A span around the block, a child of the request's trace, and the parent of what it calls.

        Args:
            name: what is done, without ids.
            attributes: what is known of it already.
            is_root: nobody called with a trace; this span begins one.
        """
        if self._provider is None:
            yield None
            return
        tracer = self._provider.get_tracer("gemba")
        parent = None if is_root else _context_of(traceparent.get())
        with tracer.start_as_current_span(name, context=parent, kind=_server()) as span:
            span.set_attributes({**(attributes or {}), "gemba.request_id": request_id.get() or ""})
            before = traceparent.set(_written(span))
            try:
                yield span
            finally:
                traceparent.reset(before)

    def close(self) -> None:
        """Send what waits; at most for a few seconds."""
        if self._provider is not None:
            self._provider.force_flush(_EXPORT_TIMEOUT_S * 1000)
            self._provider.shutdown()


def _provider(settings: ServiceSettings, component: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": component, "service.namespace": "gemba"}),
        sampler=ParentBased(TraceIdRatioBased(settings.otlp_ratio)),
    )
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.otlp_url.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS)
    )
    return provider


def _context_of(trace: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": trace or ""})


def _server() -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind.SERVER


def _written(span: "Span") -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
