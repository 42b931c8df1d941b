"""The settings of `aegis-trio stdio`: what one local client needs, and nothing of the network.

Laws:
    1. There are no keys here and no listeners; what is set for those is neither read nor judged.
    2. No settings file is read unless it is named: the working directory is the client's, often a project of strangers.
    3. Without AUDIT_LOG_PATH each process has a log of its own in the user's state folder.

Not here: rules of one variable (its parser).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.notes import SigningKey
from aegis_trio.config import table
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.load import read_gitea, read_limits, read_tools, wrong_names
from aegis_trio.config.reader import Reader
from aegis_trio.config.root_secret import ROOT_FILE_NAME, RootSecretSettings
from aegis_trio.config.sources import Sources
from aegis_trio.config.variables import access, operation
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.settings import LogLevel, TelemetrySettings
from aegis_trio.toolsets.settings import ToolSettings
from aegis_trio.transports.settings import SessionSettings

GRACE_S: Final = 1.5  # the official SDK sends SIGTERM two seconds after it has closed our input
MAX_PROCESSES: Final = 64  # logs are made as they are needed; far more than the clients that one person runs


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StdioSettings:
    """What the user decided, checked."""

    gitea: GiteaSettings
    token: Secret
    """`GITEA_TOKEN`: as whom the client reads."""
    limits: LimitSettings
    sessions: SessionSettings
    audit_paths: tuple[Path, ...]
    """Logs that may be used; the first that no other process has."""
    signing_key: SigningKey | None
    """`AUDIT_SIGNING_KEY`; signs the one log that is named."""
    root: RootSecretSettings
    telemetry: TelemetrySettings
    tools: ToolSettings
    grace_s: float
    """What calls in flight get once the input has ended, seconds."""
    warnings: tuple[str, ...] = ()


def load_stdio_settings(environ: Mapping[str, str], env_file: Path | None) -> StdioSettings:
    """Return the settings.

    Args:
        environ: the process's environment.
        env_file: the settings file; None for none.

    Raises:
        ConfigurationFaults: everything that is wrong, at once.
    """
    sources = Sources(environ, env_file)
    reader = Reader(sources)
    gitea = read_gitea(reader)
    token = reader.read(access.GITEA_TOKEN)
    if token is None and not reader.is_set(access.GITEA_TOKEN):
        reader.refuse(access.GITEA_TOKEN, "is required", "Set a token of your own account at Gitea.")
    limits = read_limits(reader)
    audit_paths = _read_audit_paths(reader, environ)
    signing_key = reader.read(operation.AUDIT_SIGNING_KEY)
    if signing_key is not None and not reader.is_set(operation.AUDIT_LOG_PATH):
        reader.refuse(
            operation.AUDIT_SIGNING_KEY,
            "signs one log, and without AUDIT_LOG_PATH each process has another",
            "Set AUDIT_LOG_PATH to a log of this client alone.",
        )
    quiet = not reader.is_set(operation.LOG_LEVEL)
    log_level = reader.read(operation.LOG_LEVEL)
    telemetry = TelemetrySettings(
        # Clients show every line of standard error as trouble.
        log_level=LogLevel.WARNING if quiet else log_level,
        log_format=reader.read(operation.LOG_FORMAT),
    )
    grace_s = reader.read(operation.SHUTDOWN_GRACE_S) if reader.is_set(operation.SHUTDOWN_GRACE_S) else GRACE_S
    roots = reader.read(operation.ROOT_SECRET)
    for variable in table.VARIABLES:
        if variable.absent:
            reader.read(variable)
    faults = (*sources.faults, *(reader.faults if sources.is_complete else ()), *wrong_names(sources))
    if faults or gitea is None or token is None:
        raise ConfigurationFaults(faults)
    return StdioSettings(
        gitea=gitea,
        token=token,
        limits=limits,
        sessions=SessionSettings(),
        audit_paths=audit_paths,
        signing_key=signing_key,
        root=RootSecretSettings(roots=roots, path=audit_paths[0].with_name(ROOT_FILE_NAME)),
        telemetry=telemetry,
        tools=read_tools(reader),
        grace_s=grace_s,
        warnings=(*sources.warnings, *reader.warnings),
    )


def _read_audit_paths(reader: Reader, environ: Mapping[str, str]) -> tuple[Path, ...]:
    path = reader.read(operation.AUDIT_LOG_PATH)
    if reader.is_set(operation.AUDIT_LOG_PATH):
        return (path,)
    folder = _state_folder(environ)
    if folder is None:
        reader.refuse(
            operation.AUDIT_LOG_PATH, "is required where HOME names no folder", "Name a file that you may write."
        )
        return (path,)
    return (folder / "audit.log", *(folder / f"audit-{number}.log" for number in range(2, MAX_PROCESSES + 1)))


def _state_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what outlives a run, or None when the user has none.

    Source: XDG Base Directory Specification 0.8: a relative path is ignored.
    """
    for name, below in (("XDG_STATE_HOME", ""), ("HOME", ".local/state")):
        folder = Path(environ.get(name, ""))
        if folder.is_absolute():
            return folder / below / "aegis-trio"
    return None
