"""Failures block an address, for as long as it was told, and nobody else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.limits.failures import FailureWindow
from aegis_trio.limits.sources import source_of

ADDRESS = "203.0.113.42"


def fail(window: FailureWindow, times: int, address: str = ADDRESS) -> list[int | None]:
    """Fail *times* times; return what each brought about."""
    return [window.note_failure(address) for _ in range(times)]


async def test_the_fifth_failure_blocks_for_the_window(autojump_clock: MockClock) -> None:
    """Five guesses are judged, the sixth is not."""
    window = FailureWindow(5, 300)

    assert [None, None, None, None, 300] == fail(window, 5)
    assert 300 == window.blocked_for_s(ADDRESS)
    assert window.blocked_for_s("203.0.113.43") is None
    await trio.sleep(299.5)
    assert 1 == window.blocked_for_s(ADDRESS)
    await trio.sleep(0.5)
    assert window.blocked_for_s(ADDRESS) is None


async def test_failures_during_a_block_do_not_prolong_it(autojump_clock: MockClock) -> None:
    """Retry-After is a promise: a client with a wrong key that keeps knocking is let out when it was told."""
    window = FailureWindow(2, 100)
    fail(window, 2)
    await trio.sleep(50)
    assert [None] * 10 == fail(window, 10)

    assert 50 == window.blocked_for_s(ADDRESS)
    await trio.sleep(50)
    assert window.blocked_for_s(ADDRESS) is None
    assert [None, 100] == fail(window, 2)


async def test_the_window_slides(autojump_clock: MockClock) -> None:
    """Failures count together only when they lie within one window, wherever it begins."""
    window = FailureWindow(3, 100)
    fail(window, 2)
    await trio.sleep(60)
    await trio.sleep(40)
    assert [None, None] == fail(window, 2)
    assert [100] == fail(window, 1)


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ("::ffff:203.0.113.42", "203.0.113.42"),
        ("2001:DB8:0::1", "2001:db8::2"),
    ],
)
async def test_addresses_of_one_source_count_together(address: str, other: str) -> None:
    """A /64 belongs to one line; an IPv4 address is the same in both spellings."""
    window = FailureWindow(1, 10)
    fail(window, 1, address)

    assert 10 == window.blocked_for_s(other)


async def test_the_next_network_is_not_blocked() -> None:
    """A neighbour's guesses are not ours."""
    window = FailureWindow(1, 10)
    fail(window, 1, "2001:db8:0:1::1")

    assert window.blocked_for_s("2001:db8:0:2::1") is None


@pytest.mark.parametrize("address", ["172.18.0.2", "::ffff:172.18.0.2", "fd00::2"])
async def test_a_trusted_proxy_is_never_blocked(address: str) -> None:
    """Blocking it would lock out everybody behind it; that it fails is counted, as it hides its clients."""
    window = FailureWindow(1, 10, trusted_proxies=(ip_network("172.18.0.0/16"), ip_network("fd00::/8")))
    fail(window, 5, address)

    assert window.blocked_for_s(address) is None
    assert 5 == window.statistics().unblockable_total
    assert 0 == window.statistics().blocked


async def test_what_is_no_address_still_counts() -> None:
    """A caller without a network address is not above the limit, trusted proxies or not."""
    window = FailureWindow(1, 10, trusted_proxies=(ip_network("172.18.0.0/16"),))
    fail(window, 1, "unknown")

    assert 10 == window.blocked_for_s("unknown")


async def test_memory_is_bounded_and_the_longest_untouched_goes_first() -> None:
    """A botnet must not fill the memory."""
    window = FailureWindow(2, 10, max_addresses=100)
    for number in range(1000):
        fail(window, 2, f"10.0.{number // 256}.{number % 256}")

    assert 100 == window.statistics().addresses
    assert 900 == window.statistics().forgotten_total
    assert 10 == window.blocked_for_s("10.0.3.231")
    assert window.blocked_for_s("10.0.0.1") is None


async def test_addresses_whose_time_has_passed_are_forgotten(autojump_clock: MockClock) -> None:
    """Who failed yesterday takes no memory today."""
    window = FailureWindow(2, 10)
    for number in range(50):
        fail(window, 1 + number % 2, f"10.0.0.{number}")
    await trio.sleep(10)
    for number in range(50):
        fail(window, 1, f"10.1.0.{number}")

    assert 50 == window.statistics().addresses
    assert 0 == window.statistics().forgotten_total


async def test_zero_never_blocks() -> None:
    """The limit can be off."""
    window = FailureWindow(0, 10)
    fail(window, 100)

    assert window.blocked_for_s(ADDRESS) is None
    assert 100 == window.statistics().failures_total


@pytest.mark.parametrize(("failures", "window_s", "addresses"), [(-1, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_window_that_means_nothing_is_refused(failures: int, window_s: float, addresses: int) -> None:
    """It is our bug, found where it is made."""
    with pytest.raises(ValueError, match="must be"):
        FailureWindow(failures, window_s, max_addresses=addresses)


@given(st.text(max_size=60))
def test_every_text_has_a_source(raw_address: str) -> None:
    """Property: hostile text never raises, and a source is its own source's text or a network."""
    assert isinstance(source_of(raw_address), str)
