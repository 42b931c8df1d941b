"""A histogram counts as Prometheus expects it to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.telemetry.histogram import SECONDS, Histogram


def test_buckets_are_cumulative_and_hold_their_bound() -> None:
    """`le` means less or equal: an observation on a bound belongs to it."""
    histogram = Histogram((1, 2, 4))
    for value in (0, 1, 1.5, 4, 9):
        histogram.observe(value)

    snapshot = histogram.snapshot()

    assert ((1.0, 2), (2.0, 3), (4.0, 4)) == snapshot.buckets
    assert (5, 15.5) == (snapshot.count, snapshot.sum)


def test_a_snapshot_does_not_change() -> None:
    """It is printed while others observe."""
    histogram = Histogram(SECONDS)
    before = histogram.snapshot()
    histogram.observe(0.1)

    assert (0, 1) == (before.count, histogram.snapshot().count)


@given(st.lists(st.floats(0, 100), max_size=50))
def test_no_bucket_has_more_than_the_next(values: list[float]) -> None:
    """A query for a quantile divides by differences of neighbours."""
    histogram = Histogram(SECONDS)
    for value in values:
        histogram.observe(value)
    snapshot = histogram.snapshot()
    counts = [count for _, count in snapshot.buckets] + [snapshot.count]

    assert sorted(counts) == counts
    assert [sum(value <= bound for value in values) for bound in SECONDS] == counts[:-1]


@pytest.mark.parametrize("bounds", [(), (1, 1), (2, 1)])
def test_bounds_ascend(bounds: tuple[float, ...]) -> None:
    """Anything else is a bug of ours."""
    with pytest.raises(ValueError, match="ascend"):
        Histogram(bounds)
