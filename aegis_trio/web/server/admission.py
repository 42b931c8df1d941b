"""Admission: how many connections there may be, in all and from one address.

Laws:
    1. Whoever was admitted is released exactly once, by leaving the place it was given.
    2. Loopback and trusted proxies are never counted by address: behind them stand many people.

Not here: blocking of addresses that guessed keys (limits), which needs to know what a request said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address
from typing import Final, final

from aegis_trio.web.server.limits import ConnectionLimits

_IPV6_SITE_BITS: Final = 64


class Refusal(Enum):
    """Why a connection was not admitted."""

    IN_ALL = auto()
    PER_ADDRESS = auto()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says, and how we count it."""

    client: tuple[str, int] | None  # None: no internet address, such as a socket pair
    server: tuple[str, int] | None
    trusted: bool  # one of the operator's proxies
    counted_as: str | None  # None: excepted from the limit per address


def classify_peer(
    client: tuple[str, int] | None, server: tuple[str, int] | None, is_trusted: Callable[[str], bool]
) -> Peer:
    """Say how a connection from *client* is counted."""
    if client is None:
        return Peer(client=None, server=server, trusted=False, counted_as=None)
    trusted = is_trusted(client[0])
    counted_as = None if trusted else _counted_as(client[0])
    return Peer(client=client, server=server, trusted=trusted, counted_as=counted_as)


def _counted_as(address: str) -> str | None:
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is None:
            if parsed.is_loopback:
                return None
            # Threat: one customer of any provider owns 2**64 addresses, so the network is what we count.
            return str(IPv6Address(int(parsed) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS))
        parsed = mapped
    return None if parsed.is_loopback else str(parsed)


@final
class Admission:
    """Counts who is in."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._in_all = 0
        self._by_address: Counter[str] = Counter()

    @property
    def open_connections(self) -> int:
        """How many are in."""
        return self._in_all

    @property
    def open_addresses(self) -> int:
        """From how many addresses that are counted."""
        return len(self._by_address)

    def enter(self, peer: Peer) -> Refusal | None:
        """Let *peer* in, or say why not. Who was let in must `leave`."""
        if self._in_all >= self._limits.max_connections:
            return Refusal.IN_ALL
        if peer.counted_as is not None:
            if self._by_address[peer.counted_as] >= self._limits.max_connections_per_address:
                return Refusal.PER_ADDRESS
            self._by_address[peer.counted_as] += 1
        self._in_all += 1
        return None

    def leave(self, peer: Peer) -> None:
        """Give back the place of *peer*."""
        self._in_all -= 1
        if peer.counted_as is not None:
            self._by_address[peer.counted_as] -= 1
            if not self._by_address[peer.counted_as]:
                # Invariant: an address that left costs nothing, however many have ever been here.
                del self._by_address[peer.counted_as]
