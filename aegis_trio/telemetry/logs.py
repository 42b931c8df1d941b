"""The ordinary log: structlog, one line an event, on standard error.

Laws:
    1. No secret is logged: a `Secret` renders as its mask, and a value named like a credential is masked too.
    2. A line is one line: control characters in values are escaped.
    3. Tracebacks appear only for bugs, and carry the incident id that the caller was given.

Not here: the audit trail (audit/), which is evidence; this log is convenience.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from aegis_trio.model.clock import WallClock, as_timestamp
from aegis_trio.model.secret import MASK
from aegis_trio.telemetry.settings import LogFormat, TelemetrySettings

_CREDENTIAL_NAMES: Final = re.compile("token|secret|authorization|api_key|password|cookie|credential", re.IGNORECASE)


def configure_logging(settings: TelemetrySettings, clock: WallClock, stream: TextIO | None = None) -> None:
    """Set up structlog for this process.

    Args:
        settings: level and form.
        clock: where timestamps come from.
        stream: where lines go; standard error when None.
    """
    target = sys.stderr if stream is None else stream
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp(clock),
        _mask_credentials,
        _one_line,
    ]
    if settings.log_format is LogFormat.JSON:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.value),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    # httpx and its kin log requests with their addresses at INFO: nothing of theirs below WARNING is ours to show.
    logging.basicConfig(stream=target, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", force=True)


def _stamp(clock: WallClock) -> Processor:
    def add_timestamp(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {"timestamp": as_timestamp(clock.now_ns()), **event}

    return add_timestamp


def _mask_credentials(_logger: object, _method: str, event: EventDict) -> EventDict:
    for name in event:
        if _CREDENTIAL_NAMES.search(name):
            event[name] = MASK
    return event


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    # Threat: a user agent with a newline would forge a second line of the log.
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name != "exception":
            event[name] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return event
