"""Credentials are picked up where they may stand, untouched, and nowhere else."""

from __future__ import annotations

import pytest

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.transports.credentials import origin_of, query_value, raw_credentials
from tests.transports.harness import ORIGIN


def scope_with(query: str = "", *headers: tuple[bytes, bytes]) -> dict[str, object]:
    """Return the scope of a request."""
    return {"type": "http", "query_string": query.encode(), "headers": list(headers), "aegis.origin": ORIGIN}


def test_every_copy_of_a_header_is_picked_up() -> None:
    """Whoever judges must see that there are two."""
    scope = scope_with("", (b"authorization", b"Bearer a"), (b"authorization", b"Bearer b"), (b"x-api-key", b"c"))

    assert RawCredentials(
        authorization=(b"Bearer a", b"Bearer b"), api_key_header=(b"c",), query_key=None
    ) == raw_credentials(scope, allow_query=True)


def test_a_key_in_the_address_is_seen_only_where_it_may_stand() -> None:
    """Addresses stand in logs and histories; the operator decides, path by path."""
    scope = scope_with("api_key=k%20y")

    assert "k y" == raw_credentials(scope, allow_query=True).query_key
    assert raw_credentials(scope, allow_query=False).query_key is None


def test_two_keys_in_an_address_are_none_that_is_right() -> None:
    """A proxy that checks the first and a server that takes the last would disagree."""
    assert "good,bad" == query_value(scope_with("api_key=good&api_key=bad"), "api_key")


@pytest.mark.parametrize("query", ["", "other=1", "&".join(f"a{index}=1" for index in range(33)) + "&api_key=k"])
def test_no_key_is_none(query: str) -> None:
    """Absent, or in a query that no client of ours would write."""
    assert query_value(scope_with(query), "api_key") is None


def test_an_empty_key_is_a_key() -> None:
    """It is refused as one; absence is something else."""
    assert not query_value(scope_with("api_key="), "api_key")
    assert query_value(scope_with("api_key="), "api_key") is not None


def test_a_request_without_an_origin_is_our_bug() -> None:
    """Without an address no failure could be counted: nothing is served then."""
    with pytest.raises(TypeError, match="origin"):
        origin_of({"type": "http"})
