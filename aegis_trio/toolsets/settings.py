"""The settings of the tools: what the operator decided about what is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from aegis_trio.toolsets.operations.exposure import Sensitive


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSettings:
    """What is served beyond what is safe for everybody."""

    opened: frozenset[Sensitive] = frozenset()
    """Groups of sensitive operations that may be found, described and called."""
