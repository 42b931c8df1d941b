"""Connections are counted in all and per address, and each is counted out again."""

from __future__ import annotations

import pytest

from aegis_trio.web.server.admission import Admission, Peer, Refusal, classify_peer
from aegis_trio.web.server.limits import ConnectionLimits

PROXY = "203.0.113.9"


def _peer(address: str) -> Peer:
    return classify_peer((address, 50_000), None, lambda client: client == PROXY)


def test_one_address_cannot_take_all_places() -> None:
    """One client with a loop must leave room for the others."""
    admission = Admission(ConnectionLimits(max_connections_per_address=2))

    assert [None, None, Refusal.PER_ADDRESS] == [admission.enter(_peer("192.0.2.1")) for _ in range(3)]
    assert admission.enter(_peer("192.0.2.2")) is None


def test_there_is_a_limit_in_all() -> None:
    """Memory and descriptors are bounded whoever comes, loopback and proxies included."""
    admission = Admission(ConnectionLimits(max_connections=2))

    assert [None, None, Refusal.IN_ALL] == [admission.enter(_peer("127.0.0.1")) for _ in range(3)]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", PROXY])
def test_loopback_and_trusted_proxies_are_not_counted_by_address(address: str) -> None:
    """Behind them stand many people."""
    admission = Admission(ConnectionLimits(max_connections_per_address=1))

    assert [None, None, None] == [admission.enter(_peer(address)) for _ in range(3)]
    assert (3, 0) == (admission.open_connections, admission.open_addresses)


@pytest.mark.parametrize(
    "pair", [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:1"), ("fe80::1%eth0", "fe80::1%eth1")]
)
def test_other_spellings_and_the_same_network_are_the_same_address(pair: tuple[str, str]) -> None:
    """An IPv6 customer owns 2**64 addresses; a new one for each connection must not help."""
    admission = Admission(ConnectionLimits(max_connections_per_address=1))

    assert [None, Refusal.PER_ADDRESS] == [admission.enter(_peer(address)) for address in pair]


def test_another_ipv6_network_is_another_address() -> None:
    """Neighbours are not held responsible for each other."""
    admission = Admission(ConnectionLimits(max_connections_per_address=1))

    assert [None, None] == [admission.enter(_peer(address)) for address in ("2001:db8:0:1::1", "2001:db8:0:2::1")]


def test_who_left_is_forgotten() -> None:
    """However many addresses have ever been here, memory holds those that are here now."""
    admission = Admission(ConnectionLimits(max_connections_per_address=1))
    for number in range(200):
        peer = _peer(f"192.0.2.{number}")
        assert admission.enter(peer) is None
        admission.leave(peer)

    assert (0, 0) == (admission.open_connections, admission.open_addresses)
    assert not admission._by_address


def test_a_refused_address_takes_no_memory() -> None:
    """A flood of refused connections must not fill the counter either."""
    admission = Admission(ConnectionLimits(max_connections=1))
    admission.enter(_peer("127.0.0.1"))
    admission.enter(_peer("192.0.2.1"))

    assert not admission._by_address


def test_a_peer_without_an_address_is_counted_in_all() -> None:
    """A socket pair has no address; it still takes a place."""
    admission = Admission(ConnectionLimits(max_connections_per_address=1))
    nobody = classify_peer(None, None, lambda _: True)

    assert [None, None] == [admission.enter(nobody), admission.enter(nobody)]
    assert not nobody.trusted
