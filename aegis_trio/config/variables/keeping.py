"""Variables about the life of the audit log: when a file is sealed, and what becomes of it."""

from __future__ import annotations

from typing import Final

from aegis_trio.audit.age import MalformedAgeKey, Recipient, parse_recipient
from aegis_trio.audit.settings import DEFAULT_SEGMENT_BYTES
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_switch, split_list, whole_number
from aegis_trio.config.variable import Feature, Variable

MIB: Final = 1024 * 1024
RESERVE_BYTES: Final = 8 * MIB
"""Given back when the disk is full, so that the log can say so; 12,000 records."""


def parse_recipients(raw_value: str) -> tuple[Recipient, ...]:
    """Make age recipients of `age1…`, with commas between."""
    try:
        return tuple(parse_recipient(part) for part in split_list(raw_value))
    except MalformedAgeKey as malformed:
        raise Misfit(f"holds what is no recipient: {malformed}", "`age-keygen` prints one as the public key.") from None


AUDIT_SEGMENT_MIB: Final = Variable[int](
    name="AUDIT_SEGMENT_MIB",
    feature=Feature.AUDIT,
    parse=whole_number(1, 16 * 1024, such_as=64),
    default=DEFAULT_SEGMENT_BYTES // MIB,
    default_text=str(DEFAULT_SEGMENT_BYTES // MIB),
    unit="MiB",
    meaning="Size at which a file of the audit log is sealed and the next one begins; at a new day of UTC too.",
)

AUDIT_COMPRESS: Final = Variable[bool](
    name="AUDIT_COMPRESS",
    feature=Feature.AUDIT,
    parse=parse_switch,
    default=True,
    default_text="true",
    meaning="Compress sealed files of the audit log (zstd), all but the newest of them.",
)
AUDIT_RECIPIENTS: Final = Variable[tuple[Recipient, ...]](
    name="AUDIT_RECIPIENTS",
    feature=Feature.AUDIT,
    parse=parse_recipients,
    default=(),
    default_text="",
    meaning="Encrypt sealed files of the audit log, all but the newest of them, for these age recipients (`age1…`, "
    "commas between); the gate itself cannot read them any more.",
)
AUDIT_RETENTION_DAYS: Final = Variable[int](
    name="AUDIT_RETENTION_DAYS",
    feature=Feature.AUDIT,
    parse=whole_number(0, 36_500, such_as=90),
    default=0,
    default_text="0",
    unit="days",
    meaning="Remove sealed files of the audit log that are older, once a witness has cosigned a checkpoint that covers "
    "them; 0 keeps everything.",
)

AUDIT_MIN_FREE_MIB: Final = Variable[int](
    name="AUDIT_MIN_FREE_MIB",
    feature=Feature.AUDIT,
    parse=whole_number(0, 1024 * 1024, such_as=64),
    default=64,
    default_text="64",
    unit="MiB",
    meaning="Refuse calls while less is free on the disk of the audit log, before it is full; 0 never.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    AUDIT_SEGMENT_MIB,
    AUDIT_COMPRESS,
    AUDIT_RECIPIENTS,
    AUDIT_RETENTION_DAYS,
    AUDIT_MIN_FREE_MIB,
)
