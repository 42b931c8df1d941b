"""The circuit breaker's arithmetic: when a server that does not answer is left alone, and when it is tried again.

Laws:
    1. Pure: the time comes in, the new state goes out.
    2. Any answer of the server closes the circuit, whatever it says: only silence and broken connections open it. So
       nobody opens it by asking for what the server fails at, while others are answered.
    3. After a pause one probe passes; while it is on its way nobody else does. Each probe that fails doubles the pause,
       up to a bound.
    4. There is no state that lets anything through unasked: the breaker refuses, or the server is asked.

Not here: what counts as an answer (gitea/transport.py), the clock (limits/breaker.py).

Source: Nygard, "Release It!", chapter 5 (circuit breaker: closed, open, half-open).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never, final

from aegis_trio.model.clock import NS_PER_S

FIRST_PAUSE_NS: Final = NS_PER_S
PROBE_RETRY_NS: Final = NS_PER_S  # how long a probe takes nobody can foretell


@final
@dataclass(frozen=True, slots=True)
class Closed:
    """Requests pass; the last `failures` of them failed, without an answer in between."""

    failures: int = 0


@final
@dataclass(frozen=True, slots=True)
class Open:
    """No request passes before `until_ns`; the pause after the next failure is twice `pause_ns`."""

    until_ns: int
    pause_ns: int


@final
@dataclass(frozen=True, slots=True)
class HalfOpen:
    """One probe is on its way; the pause before it was `pause_ns`."""

    pause_ns: int


Circuit: TypeAlias = Closed | Open | HalfOpen


@final
@dataclass(frozen=True, slots=True)
class Pass:
    """The request may be made; `probe` says whether the circuit's state hangs on it."""

    circuit: Circuit
    probe: bool


@final
@dataclass(frozen=True, slots=True)
class Hold:
    """The request may not be made before `retry_after_ns` have passed."""

    retry_after_ns: int

    @property
    def retry_after_s(self) -> int:
        """Whole seconds to wait, rounded up, at least 1."""
        return max(1, -(-self.retry_after_ns // NS_PER_S))


def ask(circuit: Circuit, now_ns: int) -> Pass | Hold:
    """Decide whether a request may be made now."""
    match circuit:
        case Closed():
            return Pass(circuit, probe=False)
        case HalfOpen():
            return Hold(PROBE_RETRY_NS)
        case Open(until_ns=until_ns, pause_ns=pause_ns):
            return Hold(until_ns - now_ns) if now_ns < until_ns else Pass(HalfOpen(pause_ns), probe=True)
        case _:
            assert_never(circuit)


def fail(circuit: Circuit, now_ns: int, *, probe: bool, max_failures: int, max_pause_ns: int) -> Circuit:
    """Return the circuit after a request that got no answer.

    Args:
        probe: whether it was the probe.
        max_failures: failures in a row that open the circuit, at least 1.
        max_pause_ns: the longest pause, nanoseconds.
    """
    match circuit:
        case Closed(failures=failures):
            if failures + 1 < max_failures:
                return Closed(failures + 1)
            pause_ns = min(FIRST_PAUSE_NS, max_pause_ns)
            return Open(now_ns + pause_ns, pause_ns)
        case HalfOpen(pause_ns=before_ns):
            if not probe:
                return circuit  # it began before the circuit opened, and says nothing new
            pause_ns = min(2 * before_ns, max_pause_ns)
            return Open(now_ns + pause_ns, pause_ns)
        case Open():
            return circuit
        case _:
            assert_never(circuit)


def abandon(circuit: Circuit, now_ns: int, *, probe: bool) -> Circuit:
    """Return the circuit after a request that its caller gave up: it says nothing, and the next may probe."""
    if probe and isinstance(circuit, HalfOpen):
        return Open(now_ns, circuit.pause_ns)
    return circuit
