"""Which single-use request states were used: a bounded memory that, when in doubt, says "used".

Laws:
    1. An id is spent once: the first `spend` of it is True, every later one False, until it has expired.
    2. Full of ids that have not expired, it refuses further ones; it never forgets one to make room.
    3. Its time never runs backwards, so that a clock set back does not make a forgotten id new.
    4. A state given in a second before this process began is refused: what an earlier one spent is not known here.

Not here: opening states (request_state.py). Only ids out of an opened state are spent, so a client cannot fill the
memory with inventions; what it fills it with are confirmed calls, which the limits bound.

Trade: the memory is this process's own; two processes behind one address would each allow one use.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, final

from aegis_trio.protocol.request_state import STATE_TTL_S

DEFAULT_CAPACITY: Final = 10_000  # 16 confirmed calls a second for ten minutes; about 2 MB


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpentStatistics:
    """How full the memory is."""

    remembered: int
    capacity: int
    refused_full: int
    """States refused since the start because the memory was full."""


@final
class SpentStates:
    """Remembers ids of states until they expire."""

    __slots__ = ("_by_expiry", "_capacity", "_ids", "_latest", "_refused_full", "_started_at")

    def __init__(self, *, started_at: int, capacity: int = DEFAULT_CAPACITY) -> None:
        """Begin with nothing spent.

        Args:
            started_at: when this process began to give states, UTC seconds.
            capacity: ids to remember at most, at least 1.

        Raises:
            ValueError: a capacity below 1 — our caller's bug.
        """
        if capacity < 1:
            raise ValueError(f"capacity: at least 1, not {capacity}")
        self._started_at = started_at
        self._latest = started_at
        self._capacity = capacity
        self._ids: set[str] = set()
        self._by_expiry: list[tuple[int, str]] = []
        self._refused_full = 0

    def spend(self, state_id: str, expires_at: int, now: int) -> bool:
        """Return whether this is the first use of a state, and remember it.

        Args:
            state_id: out of a state that `StateSealer.unseal` returned.
            expires_at: that state's, UTC seconds, given with the whole `STATE_TTL_S`.
            now: UTC seconds.
        """
        self._latest = max(self._latest, now)
        while self._by_expiry and self._by_expiry[0][0] <= self._latest:
            self._ids.discard(heappop(self._by_expiry)[1])
        # Threat: after a restart, or with the clock set back, a confirmation could be used a second time.
        if expires_at <= self._latest or expires_at < self._started_at + STATE_TTL_S or state_id in self._ids:
            return False
        if len(self._ids) >= self._capacity:
            self._refused_full += 1
            return False
        self._ids.add(state_id)
        heappush(self._by_expiry, (expires_at, state_id))
        return True

    def statistics(self) -> SpentStatistics:
        """Return how full the memory is."""
        return SpentStatistics(remembered=len(self._ids), capacity=self._capacity, refused_full=self._refused_full)
