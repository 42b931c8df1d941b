"""Loading: from what is set to the settings of the gate, or to everything that is wrong with it at once.

Laws:
    1. Nothing is made or changed here; the same sources give the same settings.
    2. Settings exist only when there is no fault at all.
    3. Every variable of the table is read, whatever is wrong with the others.

Not here: rules of one variable (its parser), and rules between variables (listening.py, credentials.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.auth.signin_settings import Flow, SigninSettings
from aegis_trio.config import table
from aegis_trio.config.alerts import read_alerts
from aegis_trio.config.audit import read_audit
from aegis_trio.config.credentials import read_auth
from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from aegis_trio.config.listening import read_supervisor, read_web
from aegis_trio.config.names import misspelled
from aegis_trio.config.parsing import is_readable_file
from aegis_trio.config.reader import Effective, Reader
from aegis_trio.config.root_secret import ROOT_FILE_NAME, RootSecretSettings
from aegis_trio.config.settings import Settings
from aegis_trio.config.signin import read_signin
from aegis_trio.config.sources import Sources
from aegis_trio.config.variables import access, limits, operation, tools
from aegis_trio.config.watched_files import WatchedFiles
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.settings import BLOCKS_FILE, BlockSettings, LimitSettings
from aegis_trio.telemetry.settings import TelemetrySettings
from aegis_trio.toolsets.settings import ToolSettings
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.web.server.limits import ConnectionLimits

_MESSAGES: Final = "/mcp/messages"
_OTEL: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything that can be said about a configuration."""

    settings: Settings | None
    """None when there is a fault."""
    faults: tuple[ConfigurationFault, ...]
    warnings: tuple[str, ...]
    effective: tuple[Effective, ...]
    """Every variable in the order of the table."""


def load_settings(environ: Mapping[str, str], env_file: Path | None) -> Settings:
    """Return the settings.

    Args:
        environ: the process's environment.
        env_file: the settings file; None for none. The default `.env` may be missing, any other may not.

    Raises:
        ConfigurationFaults: everything that is wrong, at once.
    """
    gathered = gather(environ, env_file)
    if gathered.settings is None:
        raise ConfigurationFaults(gathered.faults)
    return gathered.settings


def gather(environ: Mapping[str, str], env_file: Path | None) -> Gathered:
    """Return the settings with the origin of each, and what is wrong or worth a word."""
    sources = Sources(environ, env_file)
    reader = Reader(sources)
    settings = _read_all(reader)
    faults = (*sources.faults, *(reader.faults if sources.is_complete else ()), *wrong_names(sources))
    warnings = (*sources.warnings, *reader.warnings)
    order = {variable.name: place for place, variable in enumerate(table.VARIABLES)}
    if settings is not None:
        watched = WatchedFiles(files=tuple(dict.fromkeys(sources.files)), folder=settings.auth.keys_folder)
        settings = replace(settings, warnings=warnings, watched=watched)
    return Gathered(
        settings=None if faults else settings,
        faults=faults,
        warnings=warnings,
        effective=tuple(sorted(reader.effective, key=lambda row: order[row.name])),
    )


def _read_all(reader: Reader) -> Settings | None:
    gitea = read_gitea(reader)
    web = read_web(reader)
    signin = read_signin(reader, web, "" if gitea is None else gitea.url)
    auth = read_auth(reader, web, has_signin=signin is not None)
    audit = read_audit(reader)
    call_limits = read_limits(reader)
    blocks = read_blocks(reader, audit, signin)
    sessions = SessionSettings(
        max_sessions=reader.read(operation.MAX_SESSIONS),
        max_sessions_per_principal=reader.read(operation.MAX_SESSIONS_PER_PRINCIPAL),
        messages_path=urlsplit(web.public_url).path + _MESSAGES,
        allow_query_api_key=auth.allow_query_key,
    )
    connections = ConnectionLimits(
        max_connections=reader.read(operation.MAX_CONNECTIONS),
        max_connections_per_address=reader.read(operation.MAX_CONNECTIONS_PER_ADDRESS),
    )
    supervisor = read_supervisor(reader, web)
    telemetry = read_telemetry(reader)
    alerts = read_alerts(reader)
    tool_settings = read_tools(reader)
    root = RootSecretSettings(roots=reader.read(operation.ROOT_SECRET), path=audit.path.with_name(ROOT_FILE_NAME))
    for variable in table.VARIABLES:
        if variable.absent:
            reader.read(variable)
    if gitea is None:
        return None
    return Settings(
        gitea=gitea,
        auth=auth,
        limits=call_limits,
        blocks=blocks,
        audit=audit,
        sessions=sessions,
        web=web,
        connections=connections,
        supervisor=supervisor,
        telemetry=telemetry,
        alerts=alerts,
        root=root,
        tools=tool_settings,
        signin=signin,
    )


def read_telemetry(reader: Reader) -> TelemetrySettings:
    """Return how the gate speaks to its operator."""
    collector = reader.read(operation.OTEL_EXPORTER_OTLP_ENDPOINT)
    if collector is not None and not _has_otel():
        # Platforms set this name for every program they run, so a gate that cannot obey serves all the same.
        reader.warnings.append(
            f"{operation.OTEL_EXPORTER_OTLP_ENDPOINT.name} is set and OpenTelemetry is not installed, so nothing is "
            "traced: install it with `pip install 'aegis-trio[otel]'`, or unset the name."
        )
        collector = None
    return TelemetrySettings(
        log_level=reader.read(operation.LOG_LEVEL), log_format=reader.read(operation.LOG_FORMAT), traces_to=collector
    )


def _has_otel() -> bool:
    try:
        return all(find_spec(name) is not None for name in _OTEL)
    except ModuleNotFoundError:
        return False


def read_blocks(reader: Reader, audit: AuditSettings, signin: SigninSettings | None) -> BlockSettings:
    """Return where blocks are kept: in the store of grants where there is one, in a file beside the log otherwise."""
    has_store = signin is not None and signin.flow is Flow.BROKER
    path = signin.store_path if signin is not None and has_store else audit.path.with_name(BLOCKS_FILE)
    return BlockSettings(path=path, keeps=reader.read(access.BLOCK_PERSIST))


def read_limits(reader: Reader) -> LimitSettings:
    """Return what may be asked of the gate."""
    return LimitSettings(
        max_concurrent_calls=reader.read(limits.MAX_CONCURRENT_CALLS),
        calls_per_minute=reader.read(limits.CALLS_PER_MINUTE),
        client_calls_per_minute=reader.read(limits.CLIENT_CALLS_PER_MINUTE),
        tool_calls_per_minute=reader.read(limits.TOOL_CALLS_PER_MINUTE),
        repository_writes_per_day=reader.read(limits.REPOSITORY_WRITES_PER_DAY),
        address_requests_per_minute=reader.read(limits.ADDRESS_REQUESTS_PER_MINUTE),
        rate_classes=reader.read(limits.RATE_CLASSES),
        shadow=reader.read(limits.LIMITS_SHADOW),
        max_waiting_requests=reader.read(access.GITEA_MAX_WAITING),
        breaker_failures=reader.read(access.GITEA_BREAKER_FAILURES),
        kept_max_bytes=reader.read(limits.KEPT_RESULTS_MAX_BYTES),
        breaker_max_pause_s=reader.read(access.GITEA_BREAKER_MAX_PAUSE_S),
    )


def read_tools(reader: Reader) -> ToolSettings:
    """Return what is served."""
    return ToolSettings(opened=reader.read(tools.SENSITIVE_OPERATIONS))


def read_gitea(reader: Reader) -> GiteaSettings | None:
    """Return where Gitea is, or None when that is not set or cannot be used; the fault is noted in *reader*."""
    url = reader.read(access.GITEA_URL)
    max_connections = reader.read(access.GITEA_MAX_CONNECTIONS)
    ca_file = reader.read(access.GITEA_CA_FILE)
    max_cache_bytes = reader.read(access.CACHE_MAX_BYTES)
    permission_ttl_s = reader.read(access.PERMISSION_TTL_S)
    if ca_file is not None and not is_readable_file(ca_file):
        reader.refuse(
            access.GITEA_CA_FILE, "names no file that can be read", "Name the authority's certificate in PEM form."
        )
    if url is None:
        if not reader.is_set(access.GITEA_URL):
            reader.refuse(access.GITEA_URL, "is required", "Set Gitea's base URL, such as https://git.example.com.")
        return None
    cache = CacheSettings(max_bytes=max_cache_bytes, permission_ttl_s=permission_ttl_s)
    return GiteaSettings(url=url, max_connections=max_connections, ca_file=ca_file, cache=cache)


def wrong_names(sources: Sources) -> list[ConfigurationFault]:
    """Return a fault for each name that is set and is a misspelling of ours, or a file for what is no secret."""
    set_names = sources.names()
    unspelled = {variable.name: f"{variable.name}_FILE" for variable in table.VARIABLES if not variable.secret}
    wrong = misspelled(set_names, table.known_names() | set(unspelled.values()))
    faults = [
        ConfigurationFault(
            variable=name,
            rule="is not a name of ours",
            remedy=f"Did you mean {right}? Rename or remove it.",
            origin=set_names[name],
        )
        for name, right in wrong.items()
    ]
    faults.extend(
        ConfigurationFault(
            variable=file_name,
            rule=f"{name} is no secret and is not read from a file",
            remedy=f"Set {name} itself.",
            origin=set_names[file_name],
        )
        for name, file_name in unspelled.items()
        if file_name in set_names
    )
    return faults
