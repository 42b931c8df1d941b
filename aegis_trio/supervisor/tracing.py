"""The tracer of a gate: none unless a collector is set, and then opened before and closed after everything it times.

Law: closing it has only the time that a shutdown has left; spans that cannot be sent by then are lost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from aegis_trio.telemetry.settings import TelemetrySettings
from aegis_trio.telemetry.tracing import NO_TRACER, Tracer


@asynccontextmanager
async def open_tracer(settings: TelemetrySettings, left_s: Callable[[], float]) -> AsyncGenerator[Tracer]:
    """Trace for the life of the process.

    Args:
        settings: where spans go; its extra is installed.
        left_s: how many seconds the end may take once it has come.
    """
    if settings.traces_to is None:
        yield NO_TRACER
        return
    from aegis_trio.telemetry.otel import OtelTracer  # noqa: PLC0415 -- loaded only where a collector is set

    # Reading the environment and certificates takes a while.
    tracer = await trio.to_thread.run_sync(partial(OtelTracer, settings.traces_to))
    try:
        yield tracer
    finally:
        with trio.move_on_after(left_s(), shield=True):
            await trio.to_thread.run_sync(tracer.close, abandon_on_cancel=True)
