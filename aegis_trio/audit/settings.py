"""What the operator may choose about the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.age import Recipient
from aegis_trio.audit.notes import SigningKey, VerifierKey
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
    """`AUDIT_SEGMENT_MIB`: a file of this size is sealed, and the next one begins."""
    compress: bool = True
    """`AUDIT_COMPRESS`: sealed segments are compressed when the next one is sealed."""
    recipients: tuple[Recipient, ...] = ()
    """`AUDIT_RECIPIENTS`: sealed segments are encrypted for them."""
    min_free_bytes: int = 0
    """`AUDIT_MIN_FREE_MIB`: calls are refused while less is free on the log's disk; 0 never."""
    reserve_bytes: int = 0
    """Of the file that is given back when the disk is full; 0 for none."""
    pseudonyms: bool = False
    """`AUDIT_PSEUDONYMS`: addresses, user agents and persons stand under keyed names."""
    retention_days: int = 0
    """`AUDIT_RETENTION_DAYS`: witnessed segments older than this are pruned; 0 never."""

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """Whose cosignatures count."""
        return () if self.witnessing is None else tuple(witness.key for witness in self.witnessing.witnesses)
