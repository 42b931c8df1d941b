"""Misspelled names of ours are found; names of others are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.config.names import distance, misspelled, nearest
from aegis_trio.config.table import known_names
from tests.config.places import fault_of, load


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("MCP_API_KEY", "MCP_API_KEYS"),
        ("GITEA_TOKENS", "GITEA_TOKEN"),
        ("GITEA_ULR", "GITEA_URL"),
        ("AUTH_ENABLE", "AUTH_ENABLED"),
        ("mcp_api_keys", "MCP_API_KEYS"),
        ("MAX_AUTH_FAILURE", "MAX_AUTH_FAILURES"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("MCP_API_KEY_FILE", "MCP_API_KEYS_FILE"),
        ("ALLOW_QUERY_APIKEY", "ALLOW_QUERY_API_KEY"),
    ],
)
def test_a_near_miss_names_the_right_name(name: str, right: str) -> None:
    """A typing error would otherwise be an unset variable."""
    fault = fault_of(**{name: "x"})

    assert name == fault.variable
    assert f"Did you mean {right}?" in fault.remedy


@pytest.mark.parametrize(
    "name",
    [
        "GITEA_PORT",
        "GITEA_PORT_3000_TCP_ADDR",
        "GITEA_SERVICE_HOST",
        "GITEA_SERVICE_PORT_HTTP",
        "AEGIS_TEST_GITEA_URL",
        "AEGIS_MCP_SERVICE_HOST",
        "GITEA__server__ROOT_URL",
        "SSL_CERT_FILE",
        "HOSTNAME",
        "LOGLEVEL",
        "PORTS",
        "PATH",
        "HOME",
        "HTTP_PROXY",
        "GITEA_ACTIONS",
        "MAX_SESSION",
    ],
)
def test_names_of_others_are_no_faults(name: str) -> None:
    """Kubernetes, Gitea's image, shells and this project's tests have names of their own."""
    assert load(**{name: "tcp://10.0.0.1:80"})


def test_general_words_are_looked_at_in_our_own_file() -> None:
    """`LOGLEVEL` in the environment may be another program's; in `.env` it is meant for us."""
    known = known_names()

    assert {} == misspelled({"LOGLEVEL": "environment"}, known)
    assert {"LOGLEVEL": "LOG_LEVEL"} == misspelled({"LOGLEVEL": ".env line 1"}, known)


@pytest.mark.parametrize(
    ("left", "right", "edits"),
    [("ab", "ba", 1), ("abc", "abc", 0), ("abc", "ac", 1), ("abc", "axc", 1), ("abcd", "badc", 2), ("a", "abcd", 3)],
)
def test_distance_counts_edits(left: str, right: str, edits: int) -> None:
    """Two neighbours swapped are one mistake of the hand."""
    assert edits == distance(left, right)


@given(st.sampled_from(sorted(known_names())), st.integers(0, 30))
def test_a_doubled_letter_is_always_found(name: str, place: int) -> None:
    """Property: one letter too many in any name of ours leads back to a name that is as near."""
    place %= len(name)
    wrong = name[:place] + name[place] + name[place:]

    found = nearest(wrong, known_names() - {wrong})

    assert found is not None or len(name) < 8
    assert found is None or distance(wrong, found) <= 2
