"""Spans for a collector, by OpenTelemetry's own SDK over OTLP/HTTP.

Laws:
    1. Sending is done by the SDK's thread, in batches; a collector that is slow or dead costs spans, and no call.
    2. A call's span has the client's span as its parent or none: what a task inherits from another request is not it.
    3. Nothing runs at the process's exit: whoever opened the tracer closes it, within bounds.

Needs the extra `otel`; imported only where a collector is set. What is not an argument here (headers, certificates,
sampler, sizes) the SDK reads from the environment by OpenTelemetry's own names.

Source: OpenTelemetry specification, trace SDK and OTLP exporter.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from aegis_trio import __version__
from aegis_trio.model.call import TraceParent
from aegis_trio.model.errors import Fault
from aegis_trio.telemetry.tracing import Facts, Span, SpanKind

SERVICE: Final = "aegis-trio"
TRACES_PATH: Final = "/v1/traces"
_KINDS: Final = {SpanKind.SERVER: trace.SpanKind.SERVER, SpanKind.CLIENT: trace.SpanKind.CLIENT}
BROKEN_OFF: Final = "broken_off"
"""What is said of what was cancelled, or ended by a bug."""
_UNNAMED: Final = "unknown_service"


@final
class _OtelSpan:
    """A span of the SDK, by the names of this house."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, name: str, value: str | int) -> None:
        """Add a fact."""
        self._span.set_attribute(name, value)

    def fail(self, error: str) -> None:
        """Say that it failed."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)


@final
class OtelTracer:
    """Makes spans and hands them to the SDK's thread."""

    __slots__ = ("_provider", "_tracer")

    def __init__(self, endpoint: str) -> None:
        """Start the thread.

        Args:
            endpoint: base URL of the collector.
        """
        resource = Resource.create()
        if str(resource.attributes.get("service.name", _UNNAMED)).startswith(_UNNAMED):
            resource = resource.merge(Resource({"service.name": SERVICE}))
        resource = resource.merge(Resource({"service.version": __version__}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}{TRACES_PATH}")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("aegis_trio", __version__)

    @contextmanager
    def span(self, kind: SpanKind, name: str, facts: Facts, parent: TraceParent | None = None) -> Generator[Span]:
        """Time what is done while inside."""
        context = _context_of(parent) if kind is SpanKind.SERVER else None
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=dict(facts),
            record_exception=False,  # Threat: texts of exceptions can hold what a client sent
            set_status_on_exception=False,
        ) as started:
            span = _OtelSpan(started)
            error: str | None = BROKEN_OFF
            try:
                yield span
                error = None
            except Fault as fault:
                error = fault.code
                raise
            finally:
                if error is not None:
                    span.fail(error)

    def close(self) -> None:
        """Send what is left and end the thread. Blocks: for a thread, with a deadline of the caller's."""
        self._provider.shutdown()


def _context_of(parent: TraceParent | None) -> Context:
    empty = Context()
    if parent is None:
        return empty
    remote = trace.SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.is_sampled else trace.TraceFlags.DEFAULT),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), empty)
