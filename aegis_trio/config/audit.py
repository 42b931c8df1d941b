"""Settings of the audit log, from their variables."""

from __future__ import annotations

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.witness.settings import WitnessSettings
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import keeping, operation, witnesses


def read_audit(reader: Reader) -> AuditSettings:
    """Return where the log stands, who signs, who cosigns and what is kept; what does not fit is noted in *reader*."""
    key = reader.read(operation.AUDIT_SIGNING_KEY)
    found = WitnessSettings(
        witnesses=reader.read(witnesses.AUDIT_WITNESSES), max_age_s=reader.read(witnesses.AUDIT_WITNESS_MAX_AGE)
    )
    if found.witnesses and key is None and not reader.is_set(operation.AUDIT_SIGNING_KEY):
        reader.refuse(
            witnesses.AUDIT_WITNESSES,
            "has no effect while nobody signs the log",
            "Set AUDIT_SIGNING_KEY_FILE; `aegis-trio audit init` makes the key.",
        )
    return AuditSettings(
        path=reader.read(operation.AUDIT_LOG_PATH),
        signing_key=key,
        witnessing=found if found.witnesses else None,
        segment_bytes=reader.read(keeping.AUDIT_SEGMENT_MIB) * keeping.MIB,
        min_free_bytes=reader.read(keeping.AUDIT_MIN_FREE_MIB) * keeping.MIB,
        reserve_bytes=keeping.RESERVE_BYTES,
        pseudonyms=reader.read(operation.AUDIT_PSEUDONYMS),
        compress=reader.read(keeping.AUDIT_COMPRESS),
        recipients=reader.read(keeping.AUDIT_RECIPIENTS),
        retention_days=reader.read(keeping.AUDIT_RETENTION_DAYS),
    )
