"""Failed authentications per address: a sliding window, and a block when it is full.

Laws:
    1. Memory is bounded: at most `MAX_ADDRESSES` entries, the longest untouched forgotten first.
    2. IPv6 counts by /64, because one line of one house has that many addresses; IPv4 in IPv6's clothes is IPv4.
    3. A trusted proxy is never blocked: everybody behind it would be.
    4. A block ends when it said it would: failures during a block do not prolong it.

Trade: an attacker with more than `MAX_ADDRESSES` networks can make the gate forget a block; keys have 256 bits, so
what the block saves is noise, not keys.

Not here: what counts as a failure, and whether a blocked address may still succeed (auth/authenticator.py).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Final, NewType, final

import trio

MAX_ADDRESSES: Final = 100_000  # about 40 MB at worst; a /48 of IPv6 has 65,536 networks of /64
IPV6_PREFIX: Final = 64  # the smallest network a provider hands out (RFC 6177)

Source = NewType("Source", str)
"""An address or network that failures are counted for."""

Network = IPv4Network | IPv6Network


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


@dataclass(slots=True)
class _Record:
    failures_s: deque[float] = field(default_factory=deque)
    blocked_until_s: float = 0.0


def source_of(raw_address: str) -> Source:
    """Return what *raw_address* counts as: the /64 of IPv6, the address itself of IPv4, other text as it stands."""
    try:
        address = ip_address(raw_address)
    except ValueError:
        return Source(raw_address)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return Source(str(address.ipv4_mapped))
        return Source(str(IPv6Network((int(address), IPV6_PREFIX), strict=False)))
    return Source(str(address))


def is_within(raw_address: str, networks: Sequence[Network]) -> bool:
    """Return whether *raw_address* belongs to one of *networks*; what is no address belongs to none."""
    try:
        address = ip_address(raw_address)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


@final
class FailureWindow:
    """Counts failures per address and says which addresses are blocked."""

    def __init__(
        self,
        max_failures: int,
        window_s: float,
        *,
        trusted_proxies: Sequence[Network] = (),
        max_addresses: int = MAX_ADDRESSES,
        clock_s: Callable[[], float] = trio.current_time,
    ) -> None:
        """Start with nobody blocked.

        Args:
            max_failures: failures within the window that block; 0 never blocks.
            window_s: seconds over which failures count, and for which a block lasts.
            trusted_proxies: networks that are never blocked.
            max_addresses: entries kept, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        if max_failures < 0 or window_s <= 0 or max_addresses < 1:
            raise ValueError("max_failures must be at least 0, window_s above 0, max_addresses at least 1.")
        self._max_failures = max_failures
        self._window_s = window_s
        self._trusted = tuple(trusted_proxies)
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._records: OrderedDict[Source, _Record] = OrderedDict()
        self._failures = 0
        self._blocks = 0
        self._forgotten = 0
        self._unblockable = 0

    def note_failure(self, address: str) -> int | None:
        """Count one failure of *address*.

        Returns:
            int | None: seconds of the block that this failure brought about; None when it brought none.
        """
        self._failures += 1
        if not self._max_failures:
            return None
        if is_within(address, self._trusted):
            self._unblockable += 1
            return None
        now_s = self._clock_s()
        source = source_of(address)
        record = self._records.setdefault(source, _Record())
        self._records.move_to_end(source)
        self._make_room(now_s)
        if record.blocked_until_s > now_s:
            return None
        failures_s = record.failures_s
        failures_s.append(now_s)
        while failures_s[0] <= now_s - self._window_s:
            failures_s.popleft()
        if len(failures_s) < self._max_failures:
            return None
        failures_s.clear()
        record.blocked_until_s = now_s + self._window_s
        self._blocks += 1
        return ceil(self._window_s)

    def blocked_for_s(self, address: str) -> int | None:
        """Return for how many more seconds (at least 1) *address* is blocked, or None."""
        record = self._records.get(source_of(address))
        if record is None:
            return None
        left_s = record.blocked_until_s - self._clock_s()
        return max(1, ceil(left_s)) if left_s > 0 else None

    def statistics(self) -> FailureStatistics:
        """Return how the window stands."""
        now_s = self._clock_s()
        return FailureStatistics(
            addresses=len(self._records),
            blocked=sum(1 for record in self._records.values() if record.blocked_until_s > now_s),
            failures_total=self._failures,
            blocks_total=self._blocks,
            forgotten_total=self._forgotten,
            unblockable_total=self._unblockable,
        )

    def _make_room(self, now_s: float) -> None:
        # Invariant: called right after one entry was added, so looking at two lets the table shrink again.
        for _ in range(2):
            source, record = next(iter(self._records.items()))
            idle = record.blocked_until_s <= now_s and (
                not record.failures_s or record.failures_s[-1] <= now_s - self._window_s
            )
            full = len(self._records) > self._max_addresses
            if len(self._records) == 1 or not (idle or full):
                return
            del self._records[source]
            self._forgotten += full and not idle
