"""The ordinary log never shows a secret, and a line stays a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from aegis_trio.model.clock import SetClock
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.telemetry.settings import LogFormat, LogLevel, TelemetrySettings

CANARY = "canary-7f3c9d"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _open_log(log_format: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(TelemetrySettings(log_format=log_format, log_level=level), SetClock(0), stream)
    return stream


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_no_spelling_of_a_secret_is_logged(log_format: LogFormat) -> None:
    """Neither a Secret nor a value under a credential's name reaches the log."""
    stream = _open_log(log_format)
    structlog.get_logger().info("event", held=Secret(CANARY), gitea_token=CANARY, Authorization=f"Bearer {CANARY}")
    assert CANARY not in stream.getvalue()
    assert "event" in stream.getvalue()


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_hostile_value_cannot_forge_a_line(log_format: LogFormat) -> None:
    """A newline or an escape sequence in a user agent stays inside its value."""
    stream = _open_log(log_format)
    structlog.get_logger().info("event", user_agent="x\n2026 forged\x1b[2J\u2028")
    assert 1 == len(stream.getvalue().splitlines())
    assert "\x1b" not in stream.getvalue()


def test_json_lines_carry_time_level_and_event() -> None:
    """Collectors parse these names."""
    stream = _open_log(LogFormat.JSON)
    structlog.get_logger().warning("disk_full", bytes=3)
    line = json.loads(stream.getvalue())
    assert {"timestamp": "1970-01-01T00:00:00.000000Z", "event": "disk_full", "level": "warning", "bytes": 3} == line


def test_a_bug_has_its_traceback_in_json() -> None:
    """The incident's line holds what is needed to mend it."""
    stream = _open_log(LogFormat.JSON)
    try:
        raise ZeroDivisionError("boom")
    except ZeroDivisionError:
        structlog.get_logger().exception("tool_failed")
    assert "ZeroDivisionError: boom" in json.loads(stream.getvalue())["exception"]


def test_levels_below_the_chosen_one_are_silent() -> None:
    """LOG_LEVEL=ERROR means it."""
    stream = _open_log(LogFormat.JSON, LogLevel.ERROR)
    structlog.get_logger().warning("quiet")
    assert "" == stream.getvalue()
