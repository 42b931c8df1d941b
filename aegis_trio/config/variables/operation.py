"""Variables about running: bounds of sessions and connections, the audit log, logs and the farewell."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aegis_trio.audit.notes import SigningKey
from aegis_trio.config.parsing import (
    choice,
    parse_audit_key,
    parse_path,
    parse_ring,
    parse_switch,
    parse_url,
    seconds,
    whole_number,
)
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.config.variables import keeping, witnesses
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.settings import LogFormat, LogLevel

_MANY: Final = 1_000_000  # a bound for numbers that have no better one

MAX_SESSIONS: Final = Variable[int](
    name="MAX_SESSIONS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY, such_as=12_000),
    default=12_000,
    default_text="12000",
    meaning="Sessions in all.",
)
MAX_SESSIONS_PER_PRINCIPAL: Final = Variable[int](
    name="MAX_SESSIONS_PER_PRINCIPAL",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY, such_as=1_000),
    default=1_000,
    default_text="1000",
    meaning="Sessions of one key.",
)
MAX_CONNECTIONS: Final = Variable[int](
    name="MAX_CONNECTIONS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY, such_as=12_000),
    default=12_000,
    default_text="12000",
    meaning="Connections in all.",
)
MAX_CONNECTIONS_PER_ADDRESS: Final = Variable[int](
    name="MAX_CONNECTIONS_PER_ADDRESS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY, such_as=2_000),
    default=2_000,
    default_text="2000",
    meaning="Connections of one address (IPv6: one /64); loopback and trusted proxies excepted.",
)
AUDIT_LOG_PATH: Final = Variable[Path](
    name="AUDIT_LOG_PATH",
    feature=Feature.AUDIT,
    parse=parse_path,
    default=Path("/var/log/aegis-mcp/audit.log"),
    default_text="/var/log/aegis-mcp/audit.log",
    meaning="The audit log; created with its folder at start.",
)
AUDIT_SIGNING_KEY: Final = Variable[SigningKey | None](
    name="AUDIT_SIGNING_KEY",
    feature=Feature.AUDIT,
    parse=parse_audit_key,
    default=None,
    default_text="",
    secret=True,
    meaning="Key that signs checkpoints of the audit log; `aegis-trio audit init` makes it, as a file. Without it, who "
    "can write the log can rewrite it.",
)
AUDIT_PSEUDONYMS: Final = Variable[bool](
    name="AUDIT_PSEUDONYMS",
    feature=Feature.AUDIT,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Write addresses, user agents and persons into the audit log as keyed pseudonyms, so that "
    "`aegis-trio audit forget` can make them nobody's.",
)
ROOT_SECRET: Final = Variable[tuple[Secret, ...]](
    name="ROOT_SECRET",
    feature=Feature.AUDIT,
    parse=parse_ring,
    default=(),
    default_text="<made once, in root.key beside the audit log>",
    secret=True,
    meaning="Secret (at least 32 bytes) that keys for cursors, tickets and digests are derived from. To rotate it, "
    "put the new one in front of the old with a comma between.",
)
LOG_LEVEL: Final = Variable[LogLevel](
    name="LOG_LEVEL",
    feature=Feature.OPERATION,
    parse=choice(LogLevel),
    default=LogLevel.INFO,
    default_text="INFO",
    meaning="Least severe event that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL.",
)
LOG_FORMAT: Final = Variable[LogFormat](
    name="LOG_FORMAT",
    feature=Feature.OPERATION,
    parse=choice(LogFormat),
    default=LogFormat.CONSOLE,
    default_text="console",
    meaning="Form of a log line: json or console.",
)
OTEL_EXPORTER_OTLP_ENDPOINT: Final = Variable[str | None](
    name="OTEL_EXPORTER_OTLP_ENDPOINT",
    feature=Feature.OPERATION,
    parse=parse_url,
    default=None,
    default_text="",
    meaning="Base URL of an OpenTelemetry collector (OTLP over HTTP) that gets a span of each call and each request "
    "to Gitea. Needs the extra `otel`; OpenTelemetry's other variables count in the environment.",
)
SHUTDOWN_GRACE_S: Final = Variable[float](
    name="SHUTDOWN_GRACE_S",
    feature=Feature.OPERATION,
    parse=seconds(0, 3600),
    default=7.0,
    default_text="7",
    unit="s",
    meaning="What calls in flight get after SIGTERM; the last resort comes 2 s later, inside a container's 10 s.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    MAX_SESSIONS,
    MAX_SESSIONS_PER_PRINCIPAL,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    AUDIT_LOG_PATH,
    AUDIT_SIGNING_KEY,
    *keeping.VARIABLES,
    AUDIT_PSEUDONYMS,
    ROOT_SECRET,
    *witnesses.VARIABLES,
    LOG_LEVEL,
    LOG_FORMAT,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    SHUTDOWN_GRACE_S,
)
