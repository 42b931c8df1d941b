"""Failed authentications per address: a sliding window, and a block when it is full.

Laws:
    1. Memory is bounded: at most `MAX_ADDRESSES` entries, the longest untouched forgotten first.
    2. A trusted proxy is never blocked: everybody behind it would be.
    3. Failures during a block do not prolong it: `Retry-After` was a promise.

Trade: an attacker with more than `MAX_ADDRESSES` networks can make the gate forget a block; keys have 256 bits, so
what the block saves is noise, not keys.

Not here: how long a block lasts and whom else it holds (blocklist.py), what counts as a failure, and whether a blocked
address may still succeed (auth/authenticator.py).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import trio

from aegis_trio.limits.blocklist import MAX_ADDRESSES, Blocklist
from aegis_trio.limits.sources import Source, is_within, source_of
from aegis_trio.policy.blocks import Network


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FailureStatistics:
    """What the window has seen; totals since start."""

    addresses: int
    blocked: int
    failures_total: int
    blocks_total: int
    forgotten_total: int
    unblockable_total: int
    """Failures that came with the address of a trusted proxy: it does not forward its client's address."""


@final
class FailureWindow:
    """Counts failures per address and has those blocked that have too many."""

    def __init__(
        self,
        max_failures: int,
        window_s: int,
        *,
        trusted_proxies: Sequence[Network] = (),
        max_addresses: int = MAX_ADDRESSES,
        clock_s: Callable[[], float] = trio.current_time,
        blocks: Blocklist | None = None,
    ) -> None:
        """Start with nobody blocked.

        Args:
            max_failures: failures within the window that block; 0 never blocks.
            window_s: seconds over which failures count, and for which a first block lasts.
            trusted_proxies: networks that are never blocked.
            max_addresses: entries kept, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
            blocks: where blocks are kept; made from the rest when None.
        """
        if max_failures < 0 or window_s <= 0 or max_addresses < 1:
            raise ValueError("max_failures must be at least 0, window_s above 0, max_addresses at least 1.")
        self._max_failures = max_failures
        self._window_s = window_s
        self._trusted = tuple(trusted_proxies)
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._blocks = blocks or Blocklist(
            window_s, trusted_proxies=trusted_proxies, max_addresses=max_addresses, clock_s=clock_s
        )
        self._records: OrderedDict[Source, deque[float]] = OrderedDict()
        self._failures = 0
        self._blocked = 0
        self._forgotten = 0
        self._unblockable = 0

    @property
    def blocks(self) -> Blocklist:
        """Who is blocked."""
        return self._blocks

    def note_failure(self, address: str) -> int | None:
        """Count one failure of *address*.

        Returns:
            int | None: seconds of the block that this failure brought about; None when it brought none.
        """
        self._failures += 1
        self._blocks.sweep()
        if not self._max_failures:
            return None
        if is_within(address, self._trusted):
            self._unblockable += 1
            return None
        if self._blocks.blocked_for_s(address) is not None:
            return None
        now_s = self._clock_s()
        source = source_of(address)
        failures_s = self._records.setdefault(source, deque())
        self._records.move_to_end(source)
        self._make_room(now_s)
        failures_s.append(now_s)
        while failures_s[0] <= now_s - self._window_s:
            failures_s.popleft()
        if len(failures_s) < self._max_failures:
            return None
        del self._records[source]
        self._blocked += 1
        return self._blocks.block(source)

    def blocked_for_s(self, address: str) -> int | None:
        """Return for how many more seconds (at least 1) *address* is blocked, or None."""
        return self._blocks.blocked_for_s(address)

    def statistics(self) -> FailureStatistics:
        """Return how the window stands."""
        blocks = self._blocks.statistics()
        return FailureStatistics(
            addresses=len(self._records) + blocks.addresses,
            blocked=self._blocks.blocked_count(),
            failures_total=self._failures,
            blocks_total=self._blocked,
            forgotten_total=self._forgotten + blocks.forgotten_total,
            unblockable_total=self._unblockable,
        )

    def _make_room(self, now_s: float) -> None:
        # Invariant: called right after one entry was added, so looking at two lets the table shrink again.
        for _ in range(2):
            source, failures_s = next(iter(self._records.items()))
            idle = not failures_s or failures_s[-1] <= now_s - self._window_s
            full = len(self._records) > self._max_addresses
            if len(self._records) == 1 or not (idle or full):
                return
            del self._records[source]
            self._forgotten += full and not idle
