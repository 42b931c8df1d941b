"""The rules for secret scanners find the keys that we make, and not what merely looks like them."""

from __future__ import annotations

import json
import re
import secrets
import tomllib
from typing import Any

import pytest

from aegis_trio.auth.keytext import KeyForm, make_key, parse_key
from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "secret-scanning"
GITLEAKS: dict[str, Any] = tomllib.loads((FOLDER / "gitleaks.toml").read_text(encoding="utf-8"))
RULES: dict[str, dict[str, Any]] = {rule["id"]: rule for rule in GITLEAKS["rules"]}
GITHUB: dict[str, str] = json.loads((FOLDER / "github-custom-pattern.json").read_text(encoding="utf-8"))
AROUND = ["{}", "key: {}", 'KEY="{}"', "MCP_API_KEYS={},other", "curl -H 'Authorization: Bearer {}'\n", "`{}`", "({})."]
# RE2, which both scanners are built on, has no look-around, no references back, and no count of what holds counts
# beyond a thousand in all.
NOT_IN_RE2 = re.compile(r"\(\?[=!<]|\\[1-9]|\)\{|\{[0-9,]*[0-9]{4}")


def found(rule: str, text: str) -> list[str]:
    """Return the secrets that a rule finds, as the scanners do: keywords first, then the group."""
    chosen = RULES[rule]
    if not any(keyword in text.lower() for keyword in chosen["keywords"]):
        return []
    return [match[chosen["secretGroup"]] for match in re.finditer(chosen["regex"], text)]


def found_by_github(text: str) -> list[str]:
    """Return what the pattern finds for GitHub: before, the secret, after. Python spells the end in another way."""
    after = GITHUB["after_secret"].replace(r"\z", r"\Z")
    return re.findall(f"(?:{GITHUB['before_secret']})({GITHUB['secret_format']})(?:{after})", text)


@pytest.mark.parametrize("around", AROUND)
def test_prefixed_keys_are_found_wherever_they_stand(around: str) -> None:
    """Twenty fresh keys in each surrounding, by both scanners, whole."""
    for _ in range(20):
        key = make_key(KeyForm.AEGIS).reveal()
        text = around.format(key)
        assert [key] == found("aegis-trio-key", text) == found_by_github(text)


@pytest.mark.parametrize(
    "line",
    [
        "MCP_API_KEYS={}",
        "export MCP_API_KEYS = '{}'",
        "MCP_API_KEYS: {}",
        '"MCP_API_KEYS": "{}"',
        "MCP_API_KEY={}",
        "MCP_API_KEYS=sha256-is-not-a-key-but-it-stands-here,{}",
    ],
)
def test_bare_keys_are_found_where_keys_stand(line: str) -> None:
    """In settings files, compose files and JSON."""
    key = make_key().reveal()
    assert [key] == found("aegis-trio-bare-key", line.format(key))


@pytest.mark.parametrize(
    "line",
    [
        '"Authorization": "Bearer {}"',
        "curl -H 'X-API-Key: {}' https://x",
        "https://x/mcp/sse?api_key={}",
        "authorization=bearer {}",
    ],
)
def test_bare_keys_are_found_where_they_are_sent(line: str) -> None:
    """In scripts and clients' configurations."""
    key = make_key().reveal()
    assert [key] == found("aegis-trio-bearer-key", line.format(key))


@pytest.mark.parametrize(
    "text",
    [
        f"sha256:{secrets.token_hex(32)}",
        f"commit {secrets.token_hex(20)}",
        f"aegis_{secrets.token_hex(32)}",
        f"aegis_{secrets.token_hex(32)}_{secrets.token_hex(4)}0",
        f"x_aegis_{secrets.token_hex(32)}_{secrets.token_hex(4)}",
        f"aegis_{secrets.token_hex(31)}_{secrets.token_hex(4)}",
        f"AEGIS_KEY_PEPPER={secrets.token_hex(32)}",
    ],
    ids=["digest", "commit", "no sum", "longer sum", "longer prefix", "shorter body", "pepper"],
)
def test_what_merely_looks_like_a_key_is_left_alone(text: str) -> None:
    """A scanner that cries wolf is switched off."""
    assert [] == [secret for rule in RULES for secret in found(rule, text)]
    assert [] == found_by_github(text)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_one_that_the_scanners_take(rule: str) -> None:
    """Lower-case keywords, a group that exists, and RE2's syntax."""
    chosen = RULES[rule]
    assert all(keyword == keyword.lower() for keyword in chosen["keywords"])
    assert chosen["secretGroup"] <= re.compile(chosen["regex"]).groups
    assert None is NOT_IN_RE2.search(chosen["regex"])


def test_the_test_string_of_github_is_found_and_a_real_form() -> None:
    """GitHub refuses a pattern that does not find its own test string."""
    (key,) = found_by_github(GITHUB["test_string"])
    assert parse_key(key) is not None
