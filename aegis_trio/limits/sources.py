"""What counts as one source of requests, and which addresses belong to which networks.

Laws:
    1. IPv6 counts by /64, because one line of one house has that many addresses; IPv4 in IPv6's clothes is IPv4.
    2. Hostile text never raises: what is no address counts as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NewType

from aegis_trio.policy.blocks import Network

IPV6_PREFIX: Final = 64  # the smallest network a provider hands out (RFC 6177)

Source = NewType("Source", str)
"""An address or network that requests are counted for."""


def source_of(raw_address: str) -> Source:
    """Return what *raw_address* counts as: the /64 of IPv6, the address itself of IPv4, other text as it stands."""
    try:
        address = unmapped(ip_address(raw_address))
    except ValueError:
        return Source(raw_address)
    if isinstance(address, IPv6Address):
        return Source(str(IPv6Network((int(address), IPV6_PREFIX), strict=False)))
    return Source(str(address))


def is_within(raw_address: str, networks: Sequence[Network]) -> bool:
    """Return whether *raw_address* belongs to one of *networks*; what is no address belongs to none."""
    try:
        address = unmapped(ip_address(raw_address))
    except ValueError:
        return False
    return any(address in network for network in networks)


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that *address* stands for, or itself.

    Source: RFC 4291 section 2.5.5.2.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def network_of(text: str) -> Network | None:
    """Return the network that *text* is, an address being one of its own; IPv4-mapped ones as IPv4; None for neither.

    A network with bits behind its prefix is widened to its prefix.
    """
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network((int(mapped), network.prefixlen - 96))
    return network
