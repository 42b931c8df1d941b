"""Whose request is it: the client's address behind proxies that are trusted by name.

Laws:
    1. Forwarded headers count only when the peer itself is a trusted proxy; from anybody else they are ignored.
    2. The chain is read from the right, and ends at the first address that is not a trusted proxy.
    3. Nothing in these headers can raise: what cannot be read ends the chain at the last proxy that could be.

Threat: counting hops without looking at the peer lets any client choose its address (CVE-2026-40575 in oauth2-proxy).

Not here: what is done with the address (limits/, audit/).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

UNKNOWN_ADDRESS: Final = "unknown"
MAX_HOPS: Final = 32  # longer chains are nobody's deployment

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def client_address(peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> str:
    """Return the address that limits and the audit trail attribute a request to.

    Args:
        peer: address of the connection's other end, or None where there is none.
        headers: the request's, names in lower case; `X-Forwarded-For` is read.
        trusted: networks of proxies whose word counts.

    Returns:
        str: canonical text of an IP address, or `unknown`.
    """
    address = parse_address(peer) if peer is not None else None
    if address is None:
        return UNKNOWN_ADDRESS
    if not is_trusted(address, trusted):
        return str(address)
    hops = [part for name, value in headers if name == b"x-forwarded-for" for part in value.split(b",")]
    for raw_hop in reversed(hops[-MAX_HOPS:]):
        hop = parse_address(raw_hop.decode("latin-1").strip())
        if hop is None:
            break
        address = hop
        if not is_trusted(hop, trusted):
            break
    return str(address)


def is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    """Return whether *address* belongs to a trusted proxy."""
    return any(address in network for network in trusted)


def parse_address(raw_address: str) -> Address | None:
    """Return the address in *raw_address* (brackets and a port are dropped, IPv4-mapped IPv6 unmapped), or None."""
    text = raw_address.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
