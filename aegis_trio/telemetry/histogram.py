"""A histogram: how many observations were at most so large, for a fixed row of bounds.

Laws:
    1. Memory is fixed when it is made; an observation costs one search in the row.
    2. What others get is a frozen value: it does not change while it is printed.

Not here: names and labels (metric_table.py).

Source: Prometheus documentation, concepts/metric_types#histogram: buckets are cumulative and end with +Inf.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds for durations: from what a durable record costs to the longest deadline of a tool."""

BYTES: Final = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304)
"""Bounds for sizes, by powers of four."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramSnapshot:
    """One moment of a histogram."""

    buckets: tuple[tuple[float, int], ...]
    """Each bound with the number of observations at or below it; `count` is the bucket of +Inf."""
    count: int
    sum: float


@final
class Histogram:
    """Counts observations by size."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Start with nothing observed.

        Args:
            bounds: ascending; the bucket of +Inf is added.

        Raises:
            ValueError: they do not ascend — our bug.
        """
        if not bounds or any(low >= high for low, high in pairwise(bounds)):
            raise ValueError("a histogram's bounds must ascend")
        self._bounds = tuple(float(bound) for bound in bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation, 0 or more, in the metric's base unit."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def snapshot(self) -> HistogramSnapshot:
        """Return what was observed so far."""
        *below, count = accumulate(self._counts)
        return HistogramSnapshot(buckets=tuple(zip(self._bounds, below, strict=True)), count=count, sum=self._sum)


NOTHING: Final = HistogramSnapshot(buckets=tuple((bound, 0) for bound in SECONDS), count=0, sum=0.0)
"""A histogram of seconds before its first observation."""
