"""Nobody chooses the address that their requests are attributed to."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.web.forwarded import UNKNOWN_ADDRESS, client_address, parse_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def _forwarded(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", value) for value in values]


def test_a_stranger_cannot_choose_an_address() -> None:
    """Forwarded headers from a peer that is no trusted proxy are ignored."""
    assert "203.0.113.9" == client_address("203.0.113.9", _forwarded(b"127.0.0.1"), PROXIES)


def test_no_trusted_proxy_means_that_no_header_counts() -> None:
    """The default list is empty, and then even loopback is only itself."""
    assert "127.0.0.1" == client_address("127.0.0.1", _forwarded(b"198.51.100.7"), ())


def test_the_chain_is_read_from_the_right_to_the_first_stranger() -> None:
    """What a client wrote to the left of its own address is its own invention."""
    headers = _forwarded(b"6.6.6.6, 198.51.100.7", b"10.0.0.3")
    assert "198.51.100.7" == client_address("10.0.0.2", headers, PROXIES)


def test_a_chain_of_proxies_only_ends_at_the_farthest() -> None:
    """Requests that proxies make themselves are theirs."""
    assert "10.0.0.9" == client_address("10.0.0.2", _forwarded(b"10.0.0.9"), PROXIES)


@pytest.mark.parametrize("garbage", [b"", b"not an address", b"\xff\xfe", b"1.2.3.4.5", b"_hidden", b"unknown"])
def test_garbage_ends_the_chain_at_the_last_proxy(garbage: bytes) -> None:
    """A header that cannot be read neither raises nor opens a hole."""
    assert "10.0.0.2" == client_address("10.0.0.2", _forwarded(b"8.8.8.8, " + garbage), PROXIES)


def test_other_spellings_of_an_address_are_one_address() -> None:
    """Limits count an address once, whatever its spelling."""
    assert "198.51.100.7" == str(parse_address("[::ffff:198.51.100.7]:443"))
    assert "198.51.100.7" == str(parse_address(" 198.51.100.7:5000"))
    assert "fe80::1" == str(parse_address("fe80::1%eth0"))
    assert parse_address("") is None


def test_a_peer_without_an_address_is_unknown() -> None:
    """Unix sockets and broken peers have none."""
    assert UNKNOWN_ADDRESS == client_address(None, (), PROXIES)
    assert UNKNOWN_ADDRESS == client_address("somewhere", (), PROXIES)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_header_makes_a_stranger_into_somebody_else(values: list[bytes]) -> None:
    """Property: whatever a stranger sends, the answer is the stranger's own address."""
    assert "203.0.113.9" == client_address("203.0.113.9", _forwarded(*values), PROXIES)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_what_proxies_say_never_raises(values: list[bytes]) -> None:
    """Property: the result is always the canonical text of an address."""
    found = client_address("10.0.0.2", _forwarded(*values), PROXIES)
    assert found == str(parse_address(found))
