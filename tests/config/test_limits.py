"""Settings of limits: what they can be, and what is said of what they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.config.faults import Misfit
from aegis_trio.config.limit_parsing import parse_limit_names, parse_tool_limits
from aegis_trio.config.load import load_settings
from aegis_trio.limits.settings import BlockSettings, LimitSettings
from aegis_trio.policy.quotas import LimitName

LEAST = {"GITEA_URL": "https://git.example.com", "GITEA_TOKEN": "a" * 40, "MCP_API_KEYS": "b" * 64}


def test_the_defaults_of_the_table_are_those_of_the_settings() -> None:
    """Two places that say a default must say the same."""
    assert LimitSettings() == load_settings(LEAST, None).limits


def test_every_limit_can_be_set() -> None:
    """A name of the table that is read and not used would be a protection that is not there."""
    given = {
        "MAX_CONCURRENT_CALLS": "3",
        "CALLS_PER_MINUTE": "4",
        "RATE_CLASSES": "ci=6000, guest = 0",
        "CLIENT_CALLS_PER_MINUTE": "5",
        "TOOL_CALLS_PER_MINUTE": "get_file_tree=6, list_branches = 0",
        "REPOSITORY_WRITES_PER_DAY": "7",
        "ADDRESS_REQUESTS_PER_MINUTE": "8",
        "LIMITS_SHADOW": "Client, tool",
        "GITEA_MAX_WAITING": "9",
        "KEPT_RESULTS_MAX_BYTES": "1000",
        "GITEA_BREAKER_FAILURES": "10",
        "GITEA_BREAKER_MAX_PAUSE_S": "11.5",
    }
    expected = LimitSettings(
        max_concurrent_calls=3,
        calls_per_minute=4,
        rate_classes={"ci": 6000, "guest": 0},
        client_calls_per_minute=5,
        tool_calls_per_minute={"get_file_tree": 6, "list_branches": 0},
        repository_writes_per_day=7,
        address_requests_per_minute=8,
        shadow=frozenset({LimitName.CLIENT, LimitName.TOOL}),
        max_waiting_requests=9,
        kept_max_bytes=1000,
        breaker_failures=10,
        breaker_max_pause_s=11.5,
    )
    assert expected == load_settings({**LEAST, **given}, None).limits


@pytest.mark.parametrize("raw", ["get_me", "get_me=", "=3", "get_me=-1", "get_me=3=4", "GET_ME=3", "get me=3"])
def test_what_is_no_limit_of_a_tool_is_refused(raw: str) -> None:
    """A limit that is read as another one is worse than none."""
    with pytest.raises(Misfit, match="not the limit of a tool"):
        parse_tool_limits(raw)


def test_methods_and_operations_have_limits_of_their_own() -> None:
    """Operations have Gitea's own names, capitals and all."""
    raw = "issue_read.comments=1, call_read_operation.repoCompareDiff=2, call_read_operation.GetTree=3"
    named = ("issue_read.comments", "call_read_operation.repoCompareDiff", "call_read_operation.GetTree")
    assert named == tuple(parse_tool_limits(raw))
    for wrong in ("issue_read.=1", ".get=1", "issue_read.get.more=1", "issue_read.get-it=1"):
        with pytest.raises(Misfit, match="not the limit of a tool"):
            parse_tool_limits(wrong)


def test_a_tool_has_one_limit() -> None:
    """Which of two counts would depend on their order."""
    with pytest.raises(Misfit, match="names get_me twice"):
        parse_tool_limits("get_me=1,get_me=2")


def test_limits_in_shadow_are_named() -> None:
    """`all` is all; a word that is none is told, with those that are."""
    assert frozenset(LimitName) == parse_limit_names("ALL")
    assert frozenset({LimitName.ADDRESS}) == parse_limit_names("address")
    for raw in ("everything", "all, tool", "principal; tool"):
        with pytest.raises(Misfit, match="not the name of a limit"):
            parse_limit_names(raw)


def test_blocks_are_kept_in_the_store_of_grants_where_there_is_one() -> None:
    """One place to look, and one file to protect; without signing in it is a file beside the audit log."""
    given = {**LEAST, "AUDIT_LOG_PATH": "/var/log/gate/audit.log"}
    assert BlockSettings(path=Path("/var/log/gate/blocks.sqlite3")) == load_settings(given, None).blocks
    signing_in = {
        **given,
        "OAUTH_MODE": "true",
        "GITEA_OAUTH_CLIENT_ID": "id",
        "GITEA_OAUTH_CLIENT_SECRET": "s" * 40,
        "STORE_PATH": "/srv/store.sqlite3",
        "BLOCK_PERSIST": "true",
    }
    assert BlockSettings(path=Path("/srv/store.sqlite3"), keeps=True) == load_settings(signing_in, None).blocks
    without_store = load_settings({**signing_in, "OAUTH_FLOW": "gitea"}, None).blocks
    assert Path("/var/log/gate/blocks.sqlite3") == without_store.path
