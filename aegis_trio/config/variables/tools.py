"""Variables about tools: what is served."""

from __future__ import annotations

from typing import Final

from aegis_trio.config.tools_parsing import parse_sensitive
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.toolsets.operations.exposure import Sensitive

SENSITIVE_OPERATIONS: Final = Variable[frozenset[Sensitive]](
    name="SENSITIVE_OPERATIONS",
    feature=Feature.TOOLS,
    parse=parse_sensitive,
    default=frozenset(),
    default_text="",
    meaning="Groups of operations that show credentials or settings of people, which `call_read_operation` may call "
    f"all the same: {', '.join(Sensitive)}.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (SENSITIVE_OPERATIONS,)
