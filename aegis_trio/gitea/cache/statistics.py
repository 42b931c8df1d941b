"""How the cache does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatistics:
    """How the cache does; totals since start."""

    hits_total: int
    misses_total: int
    resolved_total: int
    coalesced_total: int
    bytes: int
    entries: int
    evicted_total: int
    sights: int
    forgotten_total: int
