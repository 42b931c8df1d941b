"""What passed the door so far, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from aegis_trio.telemetry.histogram import HistogramSnapshot


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatistics:
    """What passed the door so far; labels are bounded by the number of tools and fault classes."""

    calls_running: int
    calls_total: Mapping[tuple[str, str], int]
    """By tool and result: `success` or the fault's code."""
    decisions_total: Mapping[tuple[str, str], int]
    """By tool and `allow` or `deny`."""
    refusals_total: Mapping[tuple[str], int]
    """Calls that were refused before they ran, by the fault's code."""
    call_seconds_total: Mapping[tuple[str], float]
    """Time spent, by tool."""
    call_duration_seconds: Mapping[tuple[str], HistogramSnapshot]
    """By tool."""
    reply_bytes: HistogramSnapshot
