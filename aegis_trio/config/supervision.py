"""What the operator may choose about the process: its farewell and its second listener.

It stands here and not beside its user, because the supervisor stands above config: it runs what config decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """How long calls in flight may take after SIGTERM, and where the operator's listener stands."""

    shutdown_grace_s: float = 7.0
    """Seconds; the last resort comes two seconds later, inside a container's ten."""
    admin_host: str = "127.0.0.1"
    admin_port: int = 9464
