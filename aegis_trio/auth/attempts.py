"""The ledger of refused attempts: which of them are recorded one by one, and which are counted and recorded together.

Laws:
    1. Nothing is lost silently: what is not recorded itself stands as a number in a later record.
    2. One address has at most `VERBATIM` attempts a minute recorded one by one and one sum; all together have
       `RECORDED_AT_ONCE` records, and `RECORDED_PER_MINUTE` for as long as it lasts, sums and blocks included.
    3. Memory is bounded: the address that was quiet longest is summed up and forgotten first.

Threat: the gate refuses calls when its audit log is full, so whoever may write without bound may switch it off.

Not here: what the records say (authenticator.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.limits.sources import source_of
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.rate import NS_PER_MINUTE, Fits, Limit, spend

VERBATIM: Final = 10  # the guesses before a block by default, and as many refusals behind it
PERIOD_S: Final = 60.0
RECORDED_AT_ONCE: Final = 900  # records of 300 bytes; an attempt is up to three of them
RECORDED_PER_MINUTE: Final = 120  # 52 MB a day at worst
MAX_ADDRESSES: Final = 4096
EVERYBODY: Final = "various"
"""The address of a sum over addresses that each had too little room for their own."""

_BUDGET: Final = Limit(burst=RECORDED_AT_ONCE, period_ns=RECORDED_AT_ONCE * NS_PER_MINUTE // RECORDED_PER_MINUTE)


@final
@dataclass(frozen=True, slots=True)
class Sum:
    """Attempts that were refused and not recorded one by one."""

    address: str
    attempts: int


@dataclass(slots=True)
class _Tally:
    since_s: float
    seen: int = 0
    unrecorded: int = 0


@final
class AttemptLedger:
    """Counts refused attempts per address."""

    def __init__(self, *, max_addresses: int = MAX_ADDRESSES, clock_s: Callable[[], float] = trio.current_time) -> None:
        """Start with nothing seen.

        Args:
            max_addresses: addresses that are counted each for itself, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._tat_ns = 0
        self._everybody = 0
        self._everybody_since_s = 0.0

    def admit(self, address: str, records: int = 1) -> bool:
        """Count one refused attempt of *address*; return whether it is to be recorded itself, in so many *records*."""
        now_s = self._clock_s()
        source = source_of(address)
        tally = self._tallies.setdefault(source, _Tally(now_s))
        tally.seen += 1
        if tally.seen <= VERBATIM and self._has_budget(now_s, records):
            return True
        tally.unrecorded += 1
        return False

    def admit_event(self) -> bool:
        """Return whether a record about somebody without a credential may be written now; else it is summed up."""
        now_s = self._clock_s()
        if self._has_budget(now_s):
            return True
        self._owe(1, now_s)
        return False

    def collect(self) -> list[Sum]:
        """Return the sums that are due: of addresses whose minute is over, and of those there is no room for."""
        now_s = self._clock_s()
        sums: list[Sum] = []
        while self._tallies:
            source, tally = next(iter(self._tallies.items()))
            if now_s - tally.since_s < PERIOD_S and len(self._tallies) <= self._max_addresses:
                break
            del self._tallies[source]
            self._sum_up(Sum(source, tally.unrecorded), now_s, sums)
        if self._everybody and now_s - self._everybody_since_s >= PERIOD_S:
            sums.append(Sum(EVERYBODY, self._everybody))
            self._everybody = 0
        return sums

    def close(self) -> list[Sum]:
        """Return every sum that is still owed, the largest ones for themselves while there is room; for the end."""
        now_s = self._clock_s()
        sums: list[Sum] = []
        owed = [Sum(source, tally.unrecorded) for source, tally in self._tallies.items()]
        for found in sorted(owed, key=lambda one: one.attempts, reverse=True):
            self._sum_up(found, now_s, sums)
        if self._everybody:
            sums.append(Sum(EVERYBODY, self._everybody))
        self._tallies.clear()
        self._everybody = 0
        return sums

    def _sum_up(self, found: Sum, now_s: float, sums: list[Sum]) -> None:
        if not found.attempts:
            return
        if self._has_budget(now_s):
            sums.append(found)
            return
        self._owe(found.attempts, now_s)

    def _owe(self, attempts: int, now_s: float) -> None:
        if not self._everybody:
            self._everybody_since_s = now_s
        self._everybody += attempts

    def _has_budget(self, now_s: float, records: int = 1) -> bool:
        match spend(_BUDGET, self._tat_ns, int(now_s * NS_PER_S), records):
            case Fits(tat_ns):
                self._tat_ns = tat_ns
                return True
            case _:
                return False
