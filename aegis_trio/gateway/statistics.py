"""What passed the door so far, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class GatewayStatistics:
    """What passed the door so far; labels are bounded by the number of tools and fault classes."""

    calls_running: int
    calls_total: Mapping[tuple[str, str], int]
    """By tool and result: `success` or the fault's code."""
    call_seconds_total: Mapping[tuple[str], float]
    """Time spent, by tool."""
