"""What the operator may choose about logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final


class LogFormat(StrEnum):
    """The form of a log line."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe event that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """How the gate speaks to its operator."""

    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE
    traces_to: str | None = None
    """`OTEL_EXPORTER_OTLP_ENDPOINT`, base URL of a collector; None where nothing is traced."""
