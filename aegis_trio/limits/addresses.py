"""Requests per address where nobody has a credential yet: at most so many a minute, all of them at once if need be.

Laws:
    1. Memory is bounded: at most `MAX_ADDRESSES` entries, the longest untouched forgotten first.
    2. A refused request takes nothing.
    3. A trusted proxy is never refused: everybody behind it would be.

Not here: the arithmetic (policy/rate.py), and what counts as one address (failures.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.limits.failures import Network, Source, is_within, source_of
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.rate import Exceeds, Fits, per_minute, spend

MAX_ADDRESSES: Final = 50_000  # about 8 MB
_SWEEP: Final = 2  # entries looked at per request: more than one is added, so the table shrinks when it can


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AddressStatistics:
    """What the limit has done; totals since start."""

    addresses: int
    refused_total: int


@final
class AddressRates:
    """Counts requests per address."""

    def __init__(
        self,
        requests_per_minute: int,
        *,
        trusted_proxies: Sequence[Network] = (),
        max_addresses: int = MAX_ADDRESSES,
        clock_s: Callable[[], float] = trio.current_time,
    ) -> None:
        """Start with nobody known.

        Args:
            requests_per_minute: of one address; 0 is off.
            trusted_proxies: networks that are never refused.
            max_addresses: entries kept, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        if requests_per_minute < 0 or max_addresses < 1:
            raise ValueError("requests_per_minute must be at least 0, max_addresses at least 1.")
        self._limit = per_minute(requests_per_minute) if requests_per_minute else None
        self._trusted = tuple(trusted_proxies)
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._tats_ns: OrderedDict[Source, int] = OrderedDict()
        self._refused = 0

    def refused_for_s(self, address: str) -> int | None:
        """Count one request of *address*; return after how many seconds it may come again, or None when it may now."""
        if self._limit is None or is_within(address, self._trusted):
            return None
        now_ns = int(self._clock_s() * NS_PER_S)
        source = source_of(address)
        match spend(self._limit, self._tats_ns.get(source, 0), now_ns):
            case Fits(tat_ns):
                self._tats_ns[source] = tat_ns
                self._tats_ns.move_to_end(source)
                self._make_room(now_ns)
                return None
            case Exceeds() as exceeded:
                self._refused += 1
                return exceeded.retry_after_s

    def statistics(self) -> AddressStatistics:
        """Return how the limit stands."""
        return AddressStatistics(addresses=len(self._tats_ns), refused_total=self._refused)

    def _make_room(self, now_ns: int) -> None:
        # Invariant: called right after one entry was added, which is not idle, so the table never becomes empty.
        for _ in range(_SWEEP):
            source, tat_ns = next(iter(self._tats_ns.items()))
            if tat_ns > now_ns and len(self._tats_ns) <= self._max_addresses:
                return
            del self._tats_ns[source]
