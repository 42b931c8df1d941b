"""The circuit opens after silence, tries once, and never invents an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.breaker import Circuit, Closed, HalfOpen, Hold, Open, Pass, abandon, ask, fail

S = NS_PER_S


def _fail(circuit: Circuit, now_s: int, *, probe: bool = False) -> Circuit:
    return fail(circuit, now_s * S, probe=probe, max_failures=3, max_pause_ns=8 * S)


def test_the_circuit_opens_after_so_many_failures_in_a_row() -> None:
    """One lost connection is no outage."""
    circuit: Circuit = Closed()
    for expected in (Closed(1), Closed(2), Open(11 * S, S)):
        circuit = _fail(circuit, 10)
        assert expected == circuit


def test_a_pause_ends_with_one_probe_and_each_failed_one_doubles_it() -> None:
    """A server that comes back is found soon, and one that does not is asked seldom."""
    circuit: Circuit = Open(11 * S, S)
    assert Hold(S // 2) == ask(circuit, 11 * S - S // 2)
    pauses = []
    now_s = 11
    for _ in range(5):
        passed = ask(circuit, now_s * S)
        assert isinstance(passed, Pass)
        assert passed.probe
        assert Hold(S) == ask(passed.circuit, now_s * S)
        circuit = _fail(passed.circuit, now_s, probe=True)
        assert isinstance(circuit, Open)
        pauses.append(circuit.pause_ns // S)
        now_s = circuit.until_ns // S
    assert [2, 4, 8, 8, 8] == pauses


def test_old_failures_say_nothing_new() -> None:
    """Requests that began before the circuit opened fail one after the other; none of them prolongs the pause."""
    assert Open(11 * S, S) == _fail(Open(11 * S, S), 10)
    assert HalfOpen(S) == _fail(HalfOpen(S), 11)


def test_a_probe_that_was_given_up_makes_room_for_the_next() -> None:
    """A client that hangs up in the wrong moment must not close Gitea for everybody."""
    given_up = abandon(HalfOpen(4 * S), 20 * S, probe=True)
    assert Pass(HalfOpen(4 * S), probe=True) == ask(given_up, 20 * S)
    for circuit in (Closed(2), HalfOpen(S), Open(11 * S, S)):
        assert circuit == abandon(circuit, 20 * S, probe=False)


def test_whoever_waits_as_told_is_told_at_least_a_second() -> None:
    """`Retry-After: 0` would be a hammer."""
    assert [1, 1, 2] == [Hold(ns).retry_after_s for ns in (1, S, S + 1)]


Step = tuple[str, int]


@given(st.lists(st.tuples(st.sampled_from(["ask", "answer", "fail", "give up"]), st.integers(0, 3 * S)), max_size=80))
def test_at_most_one_request_is_at_a_server_that_is_away(steps: list[Step]) -> None:
    """Property: while the circuit is not closed, one probe at most is on its way, and pauses have their bound."""
    circuit: Circuit = Closed()
    now_ns = 0
    under_way: list[bool] = []
    for what, wait_ns in steps:
        now_ns += wait_ns
        if what == "ask":
            match ask(circuit, now_ns):
                case Pass(then, probe):
                    assert not (probe and any(under_way))
                    circuit = then
                    under_way.append(probe)
                case Hold(retry_ns):
                    assert not isinstance(circuit, Closed)
                    assert 0 < retry_ns <= 8 * S
        elif under_way:
            probe = under_way.pop()
            if what == "answer":
                circuit = Closed()
                under_way = [False] * len(under_way)
            elif what == "fail":
                circuit = fail(circuit, now_ns, probe=probe, max_failures=3, max_pause_ns=8 * S)
            else:
                circuit = abandon(circuit, now_ns, probe=probe)
        if isinstance(circuit, Open):
            assert circuit.pause_ns <= 8 * S


@pytest.mark.parametrize("max_pause_ns", [S // 2, S, 300 * S])
def test_the_first_pause_stays_within_the_bound(max_pause_ns: int) -> None:
    """A bound below a second is one."""
    circuit = fail(Closed(), 0, probe=False, max_failures=1, max_pause_ns=max_pause_ns)
    assert Open(min(S, max_pause_ns), min(S, max_pause_ns)) == circuit
