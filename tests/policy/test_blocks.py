"""Blocks grow as they are told to, and nobody's proxy is blocked."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.policy.blocks import MAX_BLOCK_S, block_length_s, why_unblockable

PROXIES = (ip_network("172.18.0.0/16"), ip_network("fd00::/8"))


def test_each_block_is_twice_as_long_as_the_last_up_to_a_day() -> None:
    """Whoever comes back every five minutes is soon away for a day; the first time it is five minutes, exactly."""
    assert [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, MAX_BLOCK_S, MAX_BLOCK_S] == [
        block_length_s(300, times, 0.0) for times in range(11)
    ]


@given(st.integers(1, 30 * 86_400), st.integers(0, 10**9), st.floats(-1, 1))
def test_jitter_stays_within_a_tenth_and_never_touches_the_first(first_s: int, times: int, jitter: float) -> None:
    """Property: lengths are positive and bounded, whatever the operator chose; the first is what `Retry-After` says."""
    length_s = block_length_s(first_s, times, jitter)
    if times == 0:
        assert first_s == length_s
    plain_s = block_length_s(first_s, times, 0.0)
    assert abs(length_s - plain_s) <= 0.1 * plain_s + 1
    assert 1 <= length_s <= 1.1 * max(first_s, MAX_BLOCK_S) + 1


@pytest.mark.parametrize(
    ("network", "blockable"),
    [
        ("203.0.113.0/24", True),
        ("172.18.0.2/32", False),
        ("172.0.0.0/8", False),
        ("172.19.0.0/16", True),
        ("fd00::1/128", False),
        ("2001:db8::/32", True),
        ("0.0.0.0/0", False),
        ("::/0", False),
    ],
)
def test_what_holds_a_proxy_or_everybody_is_not_blocked(network: str, *, blockable: bool) -> None:
    """One order that is too wide would lock everybody out."""
    assert blockable == (why_unblockable(ip_network(network), PROXIES) is None)
