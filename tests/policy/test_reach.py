"""What a bounded key reaches."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.decision import Allow, Decision, Deny
from aegis_trio.model.errors import BeyondKey
from aegis_trio.policy.reach import decide_address, decide_operation, decide_places, names_repository


def refusal(decision: Decision) -> BeyondKey:
    """Return the fault of a denial."""
    assert isinstance(decision, Deny)
    assert isinstance(decision.fault, BeyondKey)
    return decision.fault


@pytest.mark.parametrize(
    ("pattern", "owner", "name", "reached"),
    [
        ("acme/backend", "acme", "backend", True),
        ("acme/backend", "ACME", "BackEnd", True),
        ("ACME/*", "acme", "backend", True),
        ("acme/back???", "acme", "backend", True),
        ("*/docs", "anybody", "docs", True),
        ("acme/backend", "acme", "backend2", False),
        ("acme/backend", "acme", "xbackend", False),
        ("acme/*", "acme2", "backend", False),
        ("acme*", "acme", "", True),
        ("acme/*", "acme/x", "backend", False),
        ("*/*", "", "", True),
        ("acme/b", "acme", "..", False),
    ],
)
def test_a_pattern_reaches_what_it_names(pattern: str, owner: str, name: str, *, reached: bool) -> None:
    """Whole names, Gitea's own equality, and a star that stays in its part."""
    assert reached is names_repository(KeyBounds(repositories=(pattern,)), owner, name)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_reaches_nothing(owner: str, name: str) -> None:
    """An empty bound is a bound; no bound is none."""
    assert not names_repository(KeyBounds(repositories=()), owner, name)
    assert names_repository(UNBOUNDED, owner, name)


def test_a_read_only_key_changes_nothing_whatever_else_it_may() -> None:
    """The bound stands before the tools, so that a wide list of tools does not open it."""
    fault = refusal(decide_operation(KeyBounds(read_only=True, tools=("*",)), "merge", changes=True))

    assert "read_only" == fault.bound
    assert isinstance(decide_operation(KeyBounds(read_only=True), "read", changes=False), Allow)
    assert isinstance(decide_operation(UNBOUNDED, "merge", changes=True), Allow)


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("2001:db8::1", True),
        ("203.0.114.9", False),
        ("2001:db9::1", False),
        ("local", False),
        ("", False),
    ],
)
def test_a_key_is_used_from_its_addresses_alone(address: str, *, reached: bool) -> None:
    """Also where IPv4 comes in IPv6's clothes; what is no address is none of them."""
    bounds = KeyBounds(addresses=(ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")))
    decision = decide_address(bounds, address)

    assert reached is isinstance(decision, Allow)
    assert isinstance(decide_address(UNBOUNDED, address), Allow)
    if not reached:
        assert address in refusal(decision).message


def test_places_without_a_repository_are_everybodys() -> None:
    """Their answers are held to the bounds instead."""
    bounds = KeyBounds(repositories=("acme/*",))

    assert isinstance(decide_places(bounds, {"page": 1}), Allow)
    assert isinstance(decide_places(bounds, {"owner": "other"}), Allow)
    fault = refusal(decide_places(bounds, {"owner": "other", "repo": "x\u202e"}))
    assert ("repositories", "other/x") == (fault.bound, fault.needs)
