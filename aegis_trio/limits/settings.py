"""What the operator may choose about limits per principal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """How much one principal may ask of the gate; 0 switches a limit off."""

    max_concurrent_calls: int = 32
    """Calls of one principal that run at the same time. Precedent: GitHub's secondary limit, 100."""
    calls_per_minute: int = 1200
    """Calls of one principal in a minute; all of them may come at once."""

    def __post_init__(self) -> None:
        for name, value in (
            ("max_concurrent_calls", self.max_concurrent_calls),
            ("calls_per_minute", self.calls_per_minute),
        ):
            if value < 0:
                raise ValueError(f"{name}: must be 0 (off) or more, not {value}.")
