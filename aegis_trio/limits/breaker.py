"""The circuit breaker before Gitea: while it does not answer, requests are refused at once instead of waiting for it.

Laws:
    1. Refusing is all that it can do: nothing is allowed, known or answered because the circuit is open; whoever has to
       be asked about at Gitea (introspection, a sign-in) is refused like a call.
    2. An attempt ends as one of: answered, failed, given up; however the block ends. A probe that was given up makes
       room for the next.
    3. Whoever gives up after `SILENT_S` without an answer has seen a failure: a server that takes connections and says
       nothing is not well.

Not here: the arithmetic (policy/breaker.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, final

import structlog
import trio

from aegis_trio.model.clock import NS_PER_S
from aegis_trio.model.errors import UpstreamPaused
from aegis_trio.policy.breaker import Circuit, Closed, HalfOpen, Hold, Open, Pass, abandon, ask, fail

SILENT_S: Final = 10.0  # half of what one silence may last at most (gitea/settings.py)
AWAY: Final = frozenset({502, 503, 504})  # what a proxy says for a server that is not there, or in maintenance

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStatistics:
    """How the circuit stands; totals since start."""

    open: int
    """1 while requests are refused, a probe or not."""
    failures_in_a_row: int
    opened_total: int
    probes_total: int
    refused_total: int


@final
class Attempt:
    """One request that passed; who made it says when an answer came."""

    __slots__ = ("has_answer",)

    def __init__(self) -> None:
        self.has_answer: bool | None = None

    def answered(self, status: int) -> None:
        """Note that an answer came, with this status."""
        self.has_answer = status not in AWAY

    def failed(self) -> None:
        """Note that no answer came."""
        self.has_answer = False


@final
class CircuitBreaker:
    """The circuit of one server."""

    def __init__(
        self, max_failures: int, max_pause_s: float, *, clock_s: Callable[[], float] = trio.current_time
    ) -> None:
        """Start closed.

        Args:
            max_failures: failures in a row that open the circuit; 0 never does.
            max_pause_s: the longest pause before a probe, above 0.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        if max_failures < 0 or max_pause_s <= 0:
            raise ValueError("max_failures must be at least 0, max_pause_s above 0.")
        self._max_failures = max_failures
        self._max_pause_ns = int(max_pause_s * NS_PER_S)
        self._clock_s = clock_s
        self._circuit: Circuit = Closed()
        self._opened = self._probes = self._refused = 0

    @contextmanager
    def attempt(self) -> Generator[Attempt]:
        """Make one request while inside.

        Raises:
            UpstreamPaused: the circuit is open, or its probe is on its way; says when to try again.
        """
        begun_s = self._clock_s()
        decision = ask(self._circuit, self._now_ns())
        if isinstance(decision, Hold):
            self._refused += 1
            raise _paused(decision)
        probe = decision.probe
        self._become(decision.circuit)
        self._probes += probe
        made = Attempt()
        try:
            yield made
        finally:
            if made.has_answer is None and self._clock_s() - begun_s >= SILENT_S:
                made.failed()
            self._note(made.has_answer, probe=probe)

    def refusal(self) -> UpstreamPaused | None:
        """Return why nothing can be asked now, or None; takes nothing, so a probe that is due is still to be made."""
        match ask(self._circuit, self._now_ns()):
            case Hold() as hold:
                return _paused(hold)
            case Pass():
                return None

    def is_open(self) -> bool:
        """Return whether the pause of an open circuit goes on."""
        return isinstance(self._circuit, Open) and self._now_ns() < self._circuit.until_ns

    def statistics(self) -> BreakerStatistics:
        """Return how the circuit stands."""
        return BreakerStatistics(
            open=0 if isinstance(self._circuit, Closed) else 1,
            failures_in_a_row=self._circuit.failures if isinstance(self._circuit, Closed) else self._max_failures,
            opened_total=self._opened,
            probes_total=self._probes,
            refused_total=self._refused,
        )

    def _note(self, has_answer: bool | None, *, probe: bool) -> None:  # noqa: FBT001 -- the third of three answers
        now_ns = self._now_ns()
        if has_answer is None:
            self._become(abandon(self._circuit, now_ns, probe=probe))
        elif has_answer:
            self._become(Closed())
        elif self._max_failures:
            self._become(
                fail(
                    self._circuit,
                    now_ns,
                    probe=probe,
                    max_failures=self._max_failures,
                    max_pause_ns=self._max_pause_ns,
                )
            )

    def _become(self, circuit: Circuit) -> None:
        before, self._circuit = self._circuit, circuit
        match before, circuit:
            case Closed(), Open(pause_ns=pause_ns):
                self._opened += 1
                log.error("gitea_circuit_opened", failures=self._max_failures, pause_s=pause_ns / NS_PER_S)
            case HalfOpen(), Open(until_ns=until_ns, pause_ns=pause_ns) if until_ns > self._now_ns():
                log.warning("gitea_probe_failed", pause_s=pause_ns / NS_PER_S)
            case Open() | HalfOpen(), Closed():
                log.info("gitea_circuit_closed")
            case _:
                pass

    def _now_ns(self) -> int:
        return int(self._clock_s() * NS_PER_S)


def _paused(hold: Hold) -> UpstreamPaused:
    wait_s = hold.retry_after_s
    return UpstreamPaused(
        "Gitea has not answered lately, so it is not asked for a moment.",
        f"Try again in {wait_s} s.",
        retry_after_s=wait_s,
    )
