"""Requests per address where nobody has a credential: bounded, forgetful, and fair to everybody else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from aegis_trio.limits.addresses import AddressRates


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_minutes_requests_may_come_at_once_and_then_come_back_one_by_one() -> None:
    """A page with its retries is a burst; a flood is not."""
    watch = Watch()
    rates = AddressRates(3, clock_s=watch)
    assert [None, None, None, 20] == [rates.refused_for_s("192.0.2.1") for _ in range(4)]
    watch.now_s += 20
    assert [None, 20] == [rates.refused_for_s("192.0.2.1") for _ in range(2)]
    assert 2 == rates.statistics().refused_total


def test_a_house_is_one_address_and_the_neighbour_another() -> None:
    """One line has a /64 of IPv6; IPv4 in IPv6's clothes is IPv4."""
    rates = AddressRates(1, clock_s=Watch())
    assert None is rates.refused_for_s("2001:db8::1")
    assert None is not rates.refused_for_s("2001:db8::2")
    assert None is rates.refused_for_s("2001:db8:0:1::1")
    assert None is rates.refused_for_s("192.0.2.1")
    assert None is not rates.refused_for_s("::ffff:192.0.2.1")


def test_a_trusted_proxy_is_never_refused_and_nobody_is_when_it_is_off() -> None:
    """A proxy that does not forward addresses stands for everybody behind it."""
    behind = AddressRates(1, trusted_proxies=[ip_network("192.0.2.0/24")], clock_s=Watch())
    off = AddressRates(0, clock_s=Watch())
    assert [None] * 5 == [behind.refused_for_s("192.0.2.7") for _ in range(5)]
    assert [None] * 5 == [off.refused_for_s("198.51.100.7") for _ in range(5)]
    assert [None, None] == [behind.refused_for_s("unknown"), off.refused_for_s("unknown")]


def test_memory_is_bounded_and_idle_addresses_are_forgotten() -> None:
    """A stranger chooses addresses; the table does not grow with them."""
    watch = Watch()
    rates = AddressRates(1, max_addresses=3, clock_s=watch)
    for number in range(10):
        rates.refused_for_s(f"192.0.2.{number}")
    assert 3 == rates.statistics().addresses
    watch.now_s += 61
    rates.refused_for_s("198.51.100.1")
    rates.refused_for_s("198.51.100.2")
    assert 2 == rates.statistics().addresses


def test_a_blocked_address_is_refused_before_anything_is_counted() -> None:
    """Where signing in asks Gitea, a block holds for whoever comes without a credential."""
    blocked: dict[str, int] = {"192.0.2.1": 77}
    rates = AddressRates(1, clock_s=Watch(), blocked_for_s=blocked.get)
    assert [77, 77, None] == [rates.refused_for_s(one) for one in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]
    blocked.clear()
    assert None is rates.refused_for_s("192.0.2.1")


def test_looking_takes_nothing_and_a_new_limit_holds_at_once() -> None:
    """Whether Gitea may be asked is decided without counting; SIGHUP changes the limit, cell for cell."""
    rates = AddressRates(2, clock_s=Watch())
    assert [False] * 5 == [rates.is_spent("192.0.2.1") for _ in range(5)]
    for _ in range(2):
        rates.refused_for_s("192.0.2.1")
    assert rates.is_spent("192.0.2.1")
    rates.replace_limit(4, shadow=False)
    assert [None, None, 15] == [rates.refused_for_s("192.0.2.1") for _ in range(3)]
    rates.replace_limit(4, shadow=True)
    assert [None, None] == [rates.refused_for_s("192.0.2.1") for _ in range(2)]
    assert not rates.is_spent("192.0.2.1")
    assert (1, 2) == (rates.statistics().refused_total, rates.statistics().would_refuse_total)
    rates.replace_limit(0, shadow=False)
    assert [None] * 9 == [rates.refused_for_s("192.0.2.1") for _ in range(9)]


def test_limits_that_cannot_be_are_our_own_misuse() -> None:
    """A negative limit is a typing error of ours, not a policy."""
    with pytest.raises(ValueError, match="requests_per_minute"):
        AddressRates(-1)
    with pytest.raises(ValueError, match="max_addresses"):
        AddressRates(1, max_addresses=0)
