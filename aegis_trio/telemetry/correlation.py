"""Which request a log line belongs to: everything that is logged under one request carries the same names.

Laws:
    1. The names are bound for the task and those that it starts, and for nobody else.
    2. A request begins without names: one on a kept connection is started by the task of the one before it.
    3. A trace is the client's word: nothing is decided by it, and what is not well formed is as if it were not there.

Source: W3C Trace Context Level 2; structlog's contextvars; trio's nurseries hand a task's context to its children.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from structlog.contextvars import bound_contextvars, get_contextvars, unbind_contextvars

from aegis_trio.model.call import TraceParent
from aegis_trio.protocol.trace_context import read_trace_context

_TRACE: Final = "trace"
_CORRELATION_ID: Final = "correlation_id"
_TRACEPARENT: Final = b"traceparent"
_parent: ContextVar[TraceParent | None] = ContextVar("traceparent", default=None)


@contextmanager
def under_request(raw_headers: Iterable[tuple[bytes, bytes]]) -> Generator[None]:
    """Bind the trace that an HTTP request's `traceparent` names while inside; one that stands twice names none.

    Args:
        raw_headers: name and value of each line, names in lower case, as ASGI gives them.
    """
    found = [value.decode("latin-1").strip() for name, value in raw_headers if name == _TRACEPARENT]
    context = read_trace_context({"traceparent": found[0]}) if len(found) == 1 else None
    unbind_contextvars(_TRACE, _CORRELATION_ID)
    before = _parent.set(None if context is None else context.parent)
    try:
        with bound_contextvars(**({} if context is None else {_TRACE: context.trace_id})):
            yield
    finally:
        _parent.reset(before)


@contextmanager
def under_call(correlation_id: str, trace: str | None) -> Generator[None]:
    """Bind a call's id, and its trace when it names one, while inside."""
    names = {_CORRELATION_ID: correlation_id} | ({} if trace is None else {_TRACE: trace})
    with bound_contextvars(**names):
        yield


def bound_trace() -> str | None:
    """Return the trace id that is bound here, 32 hexadecimal digits, or None."""
    trace: object = get_contextvars().get(_TRACE)
    return trace if isinstance(trace, str) else None


def bound_parent() -> TraceParent | None:
    """Return the client's span that is bound here, or None."""
    return _parent.get()
