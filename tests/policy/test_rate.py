"""The rate arithmetic lets through what it says, and not one cell more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.rate import NS_PER_MINUTE, Exceeds, Fits, Limit, is_near, per_minute, remaining, rescaled, spend


def test_a_full_bucket_gives_its_whole_burst_and_then_refuses() -> None:
    """The promise is "1,200 a minute, all of them at once if need be"."""
    limit = per_minute(1200)
    tat_ns = 0
    for _ in range(1200):
        answer = spend(limit, tat_ns, NS_PER_S)
        assert isinstance(answer, Fits)
        tat_ns = answer.tat_ns

    refused = spend(limit, tat_ns, NS_PER_S)

    assert Exceeds(50_000_000) == refused
    assert 1 == refused.retry_after_s


def test_what_was_waited_for_fits() -> None:
    """A client that waits as long as it was told is never told to wait again."""
    limit = per_minute(2)
    first = spend(limit, 0, 0, 2)
    assert isinstance(first, Fits)
    refused = spend(limit, first.tat_ns, 0)
    assert isinstance(refused, Exceeds)

    assert isinstance(spend(limit, first.tat_ns, refused.retry_after_ns), Fits)
    assert isinstance(spend(limit, first.tat_ns, refused.retry_after_ns - 1), Exceeds)
    assert 30 == refused.retry_after_s


def test_a_cost_that_could_never_fit_is_our_bug() -> None:
    """Silently refusing it for ever would look like a limit."""
    for cost in (0, -1, 3):
        with pytest.raises(ValueError, match="cost"):
            spend(per_minute(2), 0, 0, cost)


@pytest.mark.parametrize(("burst", "period_ns"), [(0, 10), (-1, 10), (11, 10)])
def test_a_limit_that_cannot_be_kept_is_refused(burst: int, period_ns: int) -> None:
    """A limit of nothing, or of less than a nanosecond per cell, is a mistake."""
    with pytest.raises(ValueError, match=r"burst|period_ns"):
        Limit(burst=burst, period_ns=period_ns)


def test_an_answer_cannot_be_read_as_true() -> None:
    """`if spend(…)` would let everything through."""
    for answer in (Fits(1), Exceeds(1)):
        with pytest.raises(TypeError, match="match it"):
            bool(answer)


@given(
    cells=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 10 * NS_PER_S), st.integers(1, 5)), max_size=200),
)
def test_no_window_gets_more_than_the_burst_and_what_came_back(cells: int, steps: list[tuple[int, int]]) -> None:
    """Property: over any stretch of time, at most burst + elapsed / interval cells are given."""
    limit = per_minute(cells)
    now_ns = tat_ns = 0
    given_cells: list[tuple[int, int]] = []
    for wait_ns, cost in steps:
        now_ns += wait_ns
        match spend(limit, tat_ns, now_ns, min(cost, cells)):
            case Fits(new_tat_ns):
                tat_ns = new_tat_ns
                given_cells.append((now_ns, min(cost, cells)))
            case Exceeds(retry_after_ns):
                assert 0 < retry_after_ns <= NS_PER_MINUTE + cells
    for first, (start_ns, _) in enumerate(given_cells):
        for last in range(first, len(given_cells)):
            taken = sum(cost for _, cost in given_cells[first : last + 1])
            elapsed_ns = given_cells[last][0] - start_ns
            assert taken <= cells + elapsed_ns // limit.interval_ns + 1


@given(old=st.integers(1, 500), new=st.integers(1, 500), taken=st.integers(0, 500), now_ns=st.integers(0, 10**15))
def test_a_bucket_of_another_limit_keeps_what_was_taken(old: int, new: int, taken: int, now_ns: int) -> None:
    """Property: cells are kept one for one, as far as the new limit has any."""
    before, after = per_minute(old), per_minute(new)
    taken = min(taken, old)
    tat_ns = now_ns + taken * before.interval_ns
    assert old - taken == remaining(before, tat_ns, now_ns)
    assert max(0, new - taken) == remaining(after, rescaled(before, after, tat_ns, now_ns), now_ns)
    assert is_near(before, tat_ns, now_ns) == (taken * 5 > old * 4)
