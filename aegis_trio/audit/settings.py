"""What the operator may choose about the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.witness.settings import WitnessSettings

DEFAULT_SEGMENT_BYTES: Final = 64 * 1024 * 1024
DEFAULT_PATH: Final = Path("/var/log/aegis-mcp/audit.log")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Where the log stands, and who signs for it."""

    path: Path = DEFAULT_PATH
    """`AUDIT_LOG_PATH`; created with its folder at start."""
    signing_key: SigningKey | None = None
    """`AUDIT_SIGNING_KEY`; None where checkpoints are not signed."""
    witnessing: WitnessSettings | None = None
    """`AUDIT_WITNESSES`; None where nobody outside cosigns."""
    segment_bytes: int = DEFAULT_SEGMENT_BYTES
    """`AUDIT_SEGMENT_BYTES`: a file of this size is sealed, and the next one begins."""
