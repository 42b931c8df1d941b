"""The blocklist holds whom it was told to hold, as long as it said, and nobody else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.limits import blocklist
from aegis_trio.limits.blocklist import ENDLESS_RETRY_S, Block, Blocklist, BlockRefused, Cause
from aegis_trio.limits.failures import FailureWindow
from aegis_trio.limits.sources import network_of, source_of
from tests.protocol.test_reader_cost import count_calls

DAY_S = 86_400


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def make(watch: Watch | None = None, **more: object) -> Blocklist:
    """Return a blocklist whose first blocks last 300 s, without jitter."""
    return Blocklist(300, clock_s=watch or Watch(), jitter=lambda: 0.0, **more)  # type: ignore[arg-type] # by name


def test_repeated_blocks_grow_only_where_the_operator_wants_it() -> None:
    """`BLOCK_PERSIST` is a choice: without it every block is the first one."""
    for grows, lengths in ((True, [300, 600, 1200]), (False, [300, 300, 300])):
        watch = Watch()
        blocks = make(watch, grows=grows)
        for expected in lengths:
            assert expected == blocks.block(source_of("192.0.2.1"))
            assert expected == blocks.blocked_for_s("192.0.2.1")
            watch.now_s += expected
            assert blocks.blocked_for_s("192.0.2.1") is None


def test_an_address_is_unblocked_with_what_was_blocked_for_it() -> None:
    """An operator is told an address by somebody who is locked out; that it failed as a /64 is our own affair."""
    blocks = make()
    for address in ("2001:db8:1::5", "2001:db8:2::5", "192.0.2.1"):
        blocks.block(source_of(address))
    blocks.add(ip_network("2001:db8:2::/48"), for_s=None)

    assert ("2001:db8:1::/64",) == blocks.remove(ip_network("2001:db8:1::77"))
    assert blocks.blocked_for_s("2001:db8:1::5") is None
    assert ("2001:db8:2::/64",) == blocks.remove(ip_network("2001:db8:2::5"))
    assert blocks.blocked_for_s("2001:db8:2::5") is not None
    assert ("192.0.2.1",) == blocks.remove(ip_network("192.0.2.1"))


def test_a_day_of_peace_is_forgiven() -> None:
    """An address changes hands; nobody pays for years."""
    watch = Watch()
    blocks = make(watch, grows=True)
    blocks.block(source_of("192.0.2.1"))
    watch.now_s += 300 + DAY_S
    assert 300 == blocks.block(source_of("192.0.2.1"))


def test_failures_through_the_window_make_blocks_grow() -> None:
    """The two rooms together: five guesses, five minutes; five more afterwards, ten."""
    watch = Watch()
    window = FailureWindow(5, 300, clock_s=watch, blocks=make(watch, grows=True))
    found: list[int | None] = []
    for _ in range(3):
        found.extend(window.note_failure("192.0.2.1") for _ in range(5))
        watch.now_s += window.blocked_for_s("192.0.2.1") or 0
    assert [None] * 4 + [300] + [None] * 4 + [600] + [None] * 4 + [1200] == found


def test_the_operator_blocks_networks_of_both_families() -> None:
    """Every address inside, none outside, in every spelling."""
    watch = Watch()
    blocks = make(watch)
    blocks.add(ip_network("203.0.113.0/24"), for_s=60)
    blocks.add(ip_network("2001:db8::/32"), for_s=None)
    assert [60, 60, 60, None] == [
        blocks.operator_blocked_for_s(address)
        for address in ("203.0.113.0", "203.0.113.255", "::ffff:203.0.113.7", "203.0.114.0")
    ]
    assert [ENDLESS_RETRY_S, None, None] == [
        blocks.operator_blocked_for_s(address) for address in ("2001:db8:ffff::1", "2001:db9::1", "unknown")
    ]
    watch.now_s += 60
    assert blocks.operator_blocked_for_s("203.0.113.7") is None


def test_of_two_blocks_the_longer_holds() -> None:
    """A short block of an address inside a long one of its network must not open the network early."""
    blocks = make()
    blocks.add(ip_network("203.0.113.0/24"), for_s=3600)
    blocks.add(ip_network("203.0.113.7/32"), for_s=60)
    assert 3600 == blocks.blocked_for_s("203.0.113.7")


@pytest.mark.parametrize("network", ["172.18.0.0/16", "172.0.0.0/8", "172.18.0.9/32", "0.0.0.0/0", "::/0"])
def test_a_proxy_or_everybody_is_refused(network: str) -> None:
    """Also by the operator's own hand."""
    blocks = make(trusted_proxies=(ip_network("172.18.0.0/16"),))
    with pytest.raises(BlockRefused):
        blocks.add(ip_network(network), for_s=None)
    blocks.restore(Block(subject=network, cause=Cause.OPERATOR, until_s=None))
    blocks.restore(Block(subject="172.18.0.9", cause=Cause.FAILURES, until_s=5000.0))
    assert blocks.blocked_for_s("172.18.0.9") is None


def test_unblocking_a_network_frees_everything_within_it() -> None:
    """Who unblocks a house means its rooms; the neighbours stay blocked."""
    blocks = make()
    for address in ("203.0.113.7", "203.0.114.7", "2001:db8::1"):
        blocks.block(source_of(address))
    blocks.add(ip_network("203.0.113.0/25"), for_s=60)
    assert {"203.0.113.7", "203.0.113.0/25"} == set(blocks.remove(ip_network("203.0.113.0/24")))
    assert [None, 300, 300] == [
        blocks.blocked_for_s(address) for address in ("203.0.113.7", "203.0.114.7", "2001:db8::ffff")
    ]
    assert () == blocks.remove(ip_network("203.0.113.0/24"))


def test_memory_is_bounded_for_strangers_and_for_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A botnet fills no memory, and a script of the operator's neither."""
    watch = Watch()
    blocks = make(watch, max_addresses=100)
    for number in range(1000):
        blocks.block(source_of(f"10.0.{number // 256}.{number % 256}"))
    assert (100, 900) == (blocks.statistics().addresses, blocks.statistics().forgotten_total)
    monkeypatch.setattr(blocklist, "MAX_OPERATOR_BLOCKS", 3)
    for number in range(3):
        blocks.add(ip_network(f"203.0.113.{number}/32"), for_s=60)
    with pytest.raises(BlockRefused, match="3 blocks already"):
        blocks.add(ip_network("203.0.113.9/32"), for_s=60)
    watch.now_s += 60
    blocks.add(ip_network("203.0.113.9/32"), for_s=60)
    assert 1 == blocks.statistics().operator_networks


def test_one_more_block_costs_the_same_however_many_there_are() -> None:
    """Ten thousand blocks that were kept are taken up at every start, which must not take minutes."""
    blocks = make()
    networks = [ip_network((number << 8, 24)) for number in range(1, 1002)]
    blocks.add(networks[0], for_s=60)
    early = count_calls(lambda: blocks.add(networks[1], for_s=60))
    for network in networks[2:-1]:
        blocks.add(network, for_s=60)
    assert early == count_calls(lambda: blocks.add(networks[-1], for_s=60))


def test_what_was_kept_holds_again_and_counts_for_the_next() -> None:
    """A restart must not make a guesser new."""
    watch = Watch()
    blocks = make(watch, grows=True)
    blocks.restore(Block(subject="192.0.2.1", cause=Cause.FAILURES, until_s=1100.0, times=3))
    blocks.restore(Block(subject="203.0.113.0/24", cause=Cause.OPERATOR, until_s=None, note="scan"))
    assert 100 == blocks.blocked_for_s("192.0.2.1")
    assert ENDLESS_RETRY_S == blocks.operator_blocked_for_s("203.0.113.1")
    watch.now_s += 100
    assert 300 * 2**3 == blocks.block(source_of("192.0.2.1"))


def test_jitter_is_drawn_by_itself() -> None:
    """Nobody can tell when exactly a repeated block ends."""
    blocks = Blocklist(1000, grows=True, clock_s=Watch())
    lengths = set()
    for number in range(20):
        blocks.block(source_of(f"192.0.2.{number}"))
        lengths.add(blocks.block(source_of(f"192.0.2.{number}")))
    assert 1 < len(lengths)
    assert all(1800 <= length <= 2200 for length in lengths)


@pytest.mark.parametrize("numbers", [{"first_s": 0}, {"first_s": 1, "max_addresses": 0}])
def test_a_blocklist_that_means_nothing_is_our_own_misuse(numbers: dict[str, int]) -> None:
    """It is found where it is made."""
    with pytest.raises(ValueError, match="at least 1"):
        Blocklist(**numbers, clock_s=Watch())  # type: ignore[arg-type] # numbers by name


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_looking_up_says_what_the_networks_say(networks: list[tuple[int, int]], number: int) -> None:
    """Property: an address is blocked exactly when one of the networks holds it, however many lengths there are."""
    blocks = make()
    made = [ip_network((base >> (32 - prefix) << (32 - prefix), prefix)) for base, prefix in networks]
    for network in made:
        blocks.add(network, for_s=60)
    address = IPv4Address(number)
    held = any(address in network for network in made)
    assert held == (blocks.operator_blocked_for_s(str(address)) is not None)
    assert held == (blocks.operator_blocked_for_s(f"::ffff:{address}") is not None)
    for network in made:
        blocks.remove(network)
    assert blocks.operator_blocked_for_s(str(address)) is None


@given(st.text(max_size=50))
def test_every_text_is_a_network_or_none(text: str) -> None:
    """Property: hostile text never raises."""
    network_of(text)


@given(st.integers(0, 2**32 - 1), st.integers(96, 128))
def test_mapped_networks_are_those_of_ipv4(number: int, prefix: int) -> None:
    """Property: blocking in either spelling blocks the same."""
    mapped = f"{IPv6Address((0xFFFF << 32) | number)}/{prefix}"
    plain = network_of(f"{IPv4Address(number)}/{prefix - 96}")
    assert plain == network_of(mapped)
