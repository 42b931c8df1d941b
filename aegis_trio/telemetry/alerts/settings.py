"""What the operator may choose about alerts: where they go, and from which severity on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final
from urllib.parse import urlsplit

from aegis_trio.model.errors import Severity
from aegis_trio.model.secret import Secret


class TargetKind(StrEnum):
    """The form that a target understands."""

    DISCORD = "discord"
    SLACK = "slack"
    WEBHOOK = "webhook"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTarget:
    """One address that notices are sent to; the address itself is a secret, as whoever knows it can post there."""

    kind: TargetKind
    number: int
    """1 for the first of its kind."""
    url: Secret
    """Checked: https, or http on loopback."""
    signing_key: Secret | None = None
    """Signs the body; webhooks only, and always there."""

    @property
    def name(self) -> str:
        """The target in logs, metrics and for the doctor: never its address."""
        return f"{self.kind.value}-{self.number}"

    @property
    def host(self) -> str:
        """The host of its address."""
        return urlsplit(self.url.reveal()).hostname or ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Where alerts go; nowhere by default."""

    targets: tuple[AlertTarget, ...] = ()
    min_severity: Severity = Severity.MEDIUM
    per_minute: int = 10
    """Notices to one target in a minute."""
    allow_private: bool = False
    """Whether targets may have addresses that are not public ones."""
