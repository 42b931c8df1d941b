"""A confirmation is used once, whatever the clock does and however full the memory is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.protocol.request_state import STATE_TTL_S
from aegis_trio.protocol.spent_states import SpentStates, SpentStatistics

START_S = 1_780_000_000


def expiry(issued_at: int) -> int:
    """Return when a state given at *issued_at* expires."""
    return issued_at + STATE_TTL_S


@pytest.mark.requirement("MCP-MRTR-06")
def test_a_state_is_spent_once() -> None:
    """The second use of a confirmation would delete something that nobody confirmed."""
    spent = SpentStates(started_at=START_S)

    assert spent.spend("a", expiry(START_S), START_S)
    assert not spent.spend("a", expiry(START_S), START_S)
    assert spent.spend("b", expiry(START_S), START_S)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, STATE_TTL_S * 2), st.integers(-STATE_TTL_S, STATE_TTL_S * 3)),
        max_size=40,
    )
)
def test_no_order_of_events_spends_an_id_twice(events: list[tuple[int, int, int]]) -> None:
    """Property: ids, expiries and a clock that jumps both ways; the memory is small enough to be full at times."""
    spent = SpentStates(started_at=START_S, capacity=3)
    # An id has one expiry, as the state that carries it.
    expiries: dict[str, int] = {}
    allowed: list[str] = []
    for number, issued_after, now_after in events:
        state_id = str(number)
        expires_at = expiries.setdefault(state_id, expiry(START_S + issued_after))
        if spent.spend(state_id, expires_at, START_S + now_after):
            allowed.append(state_id)
        assert 3 >= spent.statistics().remembered

    assert len(set(allowed)) == len(allowed)


def test_a_full_memory_refuses_instead_of_forgetting() -> None:
    """Fail closed: an attacker who fills the memory gets nothing used twice."""
    spent = SpentStates(started_at=START_S, capacity=2)
    assert spent.spend("a", expiry(START_S), START_S)
    assert spent.spend("b", expiry(START_S + 5), START_S)

    assert not spent.spend("c", expiry(START_S + 9), START_S)
    assert SpentStatistics(remembered=2, capacity=2, refused_full=1) == spent.statistics()
    assert not spent.spend("a", expiry(START_S), START_S)


def test_an_expired_id_makes_room() -> None:
    """What has expired opens no more, so it need not be remembered."""
    spent = SpentStates(started_at=START_S, capacity=1)
    assert spent.spend("a", expiry(START_S), START_S)

    assert spent.spend("b", expiry(START_S + 9), expiry(START_S))
    assert 1 == spent.statistics().remembered


def test_a_clock_set_back_makes_nothing_new() -> None:
    """The id was forgotten at its expiry; before that time again, it is still used."""
    spent = SpentStates(started_at=START_S)
    assert spent.spend("a", expiry(START_S), START_S)
    assert spent.spend("later", expiry(START_S + 1000), expiry(START_S) + 1)

    assert not spent.spend("a", expiry(START_S), START_S)


@pytest.mark.requirement("MCP-MRTR-06")
def test_a_restart_does_not_make_a_used_state_new() -> None:
    """What an earlier process spent is not known, so what it may have given is refused: the client is asked again."""
    restarted = SpentStates(started_at=START_S)

    assert not restarted.spend("a", expiry(START_S - 1), START_S + 1)
    assert restarted.spend("b", expiry(START_S), START_S + 1)


def test_a_memory_for_nothing_is_our_bug() -> None:
    """It would refuse every confirmation for ever."""
    with pytest.raises(ValueError, match="capacity"):
        SpentStates(started_at=START_S, capacity=0)
