"""Requests per address where nobody has a credential yet: at most so many a minute, all of them at once if need be.

Laws:
    1. Memory is bounded: at most `MAX_ADDRESSES` entries, the longest untouched forgotten first.
    2. A refused request takes nothing.
    3. A trusted proxy is never refused: everybody behind it would be.
    4. A blocked address is refused where its block counts, before anything is taken.

Not here: the arithmetic (policy/rate.py), what counts as one address (sources.py), who is blocked (blocklist.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.limits.shadow import ShadowLog
from aegis_trio.limits.sources import Source, is_within, source_of
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.blocks import Network
from aegis_trio.policy.quotas import LimitName
from aegis_trio.policy.rate import Exceeds, Fits, Limit, per_minute, rescaled, spend

MAX_ADDRESSES: Final = 50_000  # about 8 MB
_SWEEP: Final = 2  # entries looked at per request: more than one is added, so the table shrinks when it can


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AddressStatistics:
    """What the limit has done; totals since start."""

    addresses: int
    refused_total: int
    would_refuse_total: int
    """What the limit would have refused, had it not been in shadow mode."""


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
        shadow: bool = False,
        blocked_for_s: Callable[[str], int | None] | None = None,
    ) -> None:
        """Start with nobody known.

        Args:
            requests_per_minute: of one address; 0 is off.
            trusted_proxies: networks that are never refused.
            max_addresses: entries kept, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
            shadow: count and log what would be refused, and refuse nothing.
            blocked_for_s: for how long an address is blocked here, or None; by default nobody is.
        """
        if requests_per_minute < 0 or max_addresses < 1:
            raise ValueError("requests_per_minute must be at least 0, max_addresses at least 1.")
        self._blocked_for_s = blocked_for_s
        self._limit: Limit | None = per_minute(requests_per_minute) if requests_per_minute else None
        self._shadow = shadow
        self._trusted = tuple(trusted_proxies)
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._tats_ns: OrderedDict[Source, int] = OrderedDict()
        self._refused = self._would_refuse = 0
        self._shadow_log = ShadowLog(clock_s)

    def replace_limit(self, requests_per_minute: int, *, shadow: bool) -> None:
        """Use this limit from the next request on; 0 is off. What was taken stays taken."""
        old, new = self._limit, per_minute(requests_per_minute) if requests_per_minute else None
        self._limit, self._shadow = new, shadow
        if old is None or new is None:
            self._tats_ns.clear()
        elif old != new:
            now_ns = int(self._clock_s() * NS_PER_S)
            for source, tat_ns in self._tats_ns.items():
                self._tats_ns[source] = rescaled(old, new, tat_ns, now_ns)

    def is_spent(self, address: str) -> bool:
        """Return whether the next request of *address* would be refused; takes nothing."""
        if self._limit is None or self._shadow or is_within(address, self._trusted):
            return False
        tat_ns = self._tats_ns.get(source_of(address), 0)
        return isinstance(spend(self._limit, tat_ns, int(self._clock_s() * NS_PER_S)), Exceeds)

    def refused_for_s(self, address: str) -> int | None:
        """Count one request of *address*; return after how many seconds it may come again, or None when it may now."""
        blocked_for_s = None if self._blocked_for_s is None else self._blocked_for_s(address)
        if blocked_for_s is not None:
            self._refused += 1
            return blocked_for_s
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
            case Exceeds() if self._shadow:
                self._would_refuse += 1
                self._shadow_log.tell(LimitName.ADDRESS, source)
                return None
            case Exceeds() as exceeded:
                self._refused += 1
                return exceeded.retry_after_s

    def statistics(self) -> AddressStatistics:
        """Return how the limit stands."""
        return AddressStatistics(
            addresses=len(self._tats_ns), refused_total=self._refused, would_refuse_total=self._would_refuse
        )

    def _make_room(self, now_ns: int) -> None:
        # Invariant: called right after one entry was added, which is not idle, so the table never becomes empty.
        for _ in range(_SWEEP):
            source, tat_ns = next(iter(self._tats_ns.items()))
            if tat_ns > now_ns and len(self._tats_ns) <= self._max_addresses:
                return
            del self._tats_ns[source]
