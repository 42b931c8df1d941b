"""The settings of the whole gate: one frozen object, a branch for each feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.auth.signin_settings import SigninSettings
from aegis_trio.config.root_secret import RootSecretSettings
from aegis_trio.config.supervision import SupervisorSettings
from aegis_trio.config.watched_files import NO_FILES, WatchedFiles
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.settings import BlockSettings, LimitSettings
from aegis_trio.telemetry.alerts.settings import AlertSettings
from aegis_trio.telemetry.settings import TelemetrySettings
from aegis_trio.toolsets.settings import ToolSettings
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.settings import WebSettings


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided, checked."""

    gitea: GiteaSettings
    auth: AuthSettings
    limits: LimitSettings
    blocks: BlockSettings
    audit: AuditSettings
    sessions: SessionSettings
    web: WebSettings
    connections: ConnectionLimits
    supervisor: SupervisorSettings
    telemetry: TelemetrySettings
    alerts: AlertSettings = field(default_factory=AlertSettings)
    root: RootSecretSettings
    tools: ToolSettings = field(default_factory=ToolSettings)
    signin: SigninSettings | None = None
    """How people sign in; None where they do not."""
    watched: WatchedFiles = NO_FILES
    """The files that keys come from."""
    warnings: tuple[str, ...] = ()
    """What is allowed and yet worth a word in the log, a sentence each."""
