"""Spans: how long a call and each request to Gitea took, for whoever collects traces; by default nobody does.

Laws:
    1. A span's name and facts are words of ours, ids and numbers: no argument, no address of a person, no secret.
    2. Nothing waits for a span, and nothing is decided by one.

Not here: who collects them (otel.py, loaded only where a collector is set).

Source: OpenTelemetry semantic conventions for MCP and for HTTP clients.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Final, Protocol, TypeAlias, final

from aegis_trio.model.call import CallKind, TraceParent

Facts: TypeAlias = Mapping[str, str | int]

METHODS: Final[Mapping[CallKind, str]] = {
    CallKind.TOOL: "tools/call",
    CallKind.RESOURCE: "resources/read",
    CallKind.RESOURCE_LIST: "resources/list",
    CallKind.PROMPT: "prompts/get",
    CallKind.COMPLETION: "completion/complete",
}


class SpanKind(Enum):
    """Which side of an exchange a span is of."""

    SERVER = "server"
    """A call of a client; it begins a trace, or goes on with the client's."""
    CLIENT = "client"
    """A request of ours, below what is under way in this task."""


class Span(Protocol):
    """One thing that takes time."""

    def note(self, name: str, value: str | int) -> None:
        """Add a fact."""
        ...

    def fail(self, error: str) -> None:
        """Say that it failed, by a word of ours."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self, kind: SpanKind, name: str, facts: Facts, parent: TraceParent | None = None
    ) -> AbstractContextManager[Span]:
        """Time what is done while inside.

        Args:
            parent: the client's own span; for `SERVER` alone.
        """
        ...


@final
class _Untold:
    def note(self, name: str, value: str | int) -> None:
        """Tell nobody."""

    def fail(self, error: str) -> None:
        """Tell nobody."""


@final
class NoTracer:
    """Traces nothing."""

    @contextmanager
    def span(
        self,
        kind: SpanKind,  # noqa: ARG002 -- the shape is Tracer's
        name: str,  # noqa: ARG002
        facts: Facts,  # noqa: ARG002
        parent: TraceParent | None = None,  # noqa: ARG002
    ) -> Generator[Span]:
        """Do nothing."""
        yield _UNTOLD


_UNTOLD: Final = _Untold()
NO_TRACER: Final = NoTracer()


def call_facts(kind: CallKind, operation: str | None, transport: str, correlation_id: str) -> tuple[str, Facts]:
    """Return the name and the facts of a call's span.

    Args:
        operation: what of ours is called; None where the client's word names nothing.

    Source: OpenTelemetry semantic conventions, MCP: `{mcp.method.name} {target}`, `gen_ai.tool.name`.
    """
    method = METHODS[kind]
    facts: dict[str, str | int] = {
        "mcp.method.name": method,
        "aegis.transport": transport,
        "aegis.correlation_id": correlation_id,
    }
    if operation is None:
        return method, facts
    facts["gen_ai.tool.name" if kind is CallKind.TOOL else "aegis.operation"] = operation
    return f"{method} {operation}", facts
