"""How long an address is blocked, and which networks nobody may block.

Laws:
    1. The first block lasts what the operator chose, to the second; each next one in a row twice as long as the last,
       up to a day, and a little more or less, so that nobody can tell when exactly it ends.
    2. A network that holds a trusted proxy, or everybody, is never blocked.

Source: fail2ban `bantime.increment`, `bantime.maxtime`, `bantime.rndtime`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

MAX_BLOCK_S: Final = 86_400
JITTER: Final = 0.1  # of a block's length, either way
REMEMBERED_S: Final = 86_400  # how long after a block its next one still counts as repeated
_MAX_DOUBLINGS: Final = 20  # of a second, longer than a day


def block_length_s(first_s: int, times: int, jitter: float) -> int:
    """Return how long the next block of an address lasts, seconds.

    Args:
        first_s: length of a first one, at least 1.
        times: blocks that it had lately, 0 or more.
        jitter: -1..1, drawn at random.
    """
    if times == 0:
        return first_s
    longest_s = max(first_s, MAX_BLOCK_S)
    grown_s = min(first_s << min(times, _MAX_DOUBLINGS), longest_s)
    return max(1, round(grown_s * (1 + JITTER * jitter)))


def why_unblockable(network: Network, trusted: Sequence[Network]) -> str | None:
    """Return the rule because of which *network* may not be blocked, or None when it may."""
    if network.prefixlen == 0:
        return "is everybody"
    for proxy in trusted:
        if isinstance(proxy, type(network)) and network.overlaps(proxy):
            return f"holds or lies in the trusted proxies {proxy}, behind which everybody is"
    return None
