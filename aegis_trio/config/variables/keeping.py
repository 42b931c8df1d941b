"""Variables about the life of the audit log: when a file is sealed, and what becomes of it."""

from __future__ import annotations

from typing import Final

from aegis_trio.audit.settings import DEFAULT_SEGMENT_BYTES
from aegis_trio.config.parsing import whole_number
from aegis_trio.config.variable import Feature, Variable

MIB: Final = 1024 * 1024

AUDIT_SEGMENT_MIB: Final = Variable[int](
    name="AUDIT_SEGMENT_MIB",
    feature=Feature.AUDIT,
    parse=whole_number(1, 16 * 1024, such_as=64),
    default=DEFAULT_SEGMENT_BYTES // MIB,
    default_text=str(DEFAULT_SEGMENT_BYTES // MIB),
    unit="MiB",
    meaning="Size at which a file of the audit log is sealed and the next one begins; at a new day of UTC too.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (AUDIT_SEGMENT_MIB,)
