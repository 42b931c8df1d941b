"""Parsers take what is meant and refuse what could be meant in two ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.config.faults import Misfit, show_value
from aegis_trio.config.table import VARIABLES
from tests.config.places import fault_of


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("AUTH_ENABLED", ["maybe", "2", "truee", "tru"]),
        ("PORT", ["-1", "65536", "8_0", "٨٠", "1e3", "0x10", "80.0"]),
        ("SHUTDOWN_GRACE_S", ["-1", "7s", "inf", "nan", "1e3", "3601"]),
        ("CALLS_PER_MINUTE", ["-1", "many", "9" * 30]),
        ("HOST", ["http://x", "a b", "127.0.0.1:80", "-x", "*", "::1]"]),
        ("GITEA_URL", ["git.example.com", "ftp://x", "https://", "https://x?y", "https://x#y", "https://x/../y"]),
        ("GITEA_URL", ["https://x:port", "https://u@x", "https://x y", "https://x/api/v1", "http://[::1"]),
        ("PUBLIC_URL", ["mcp.example.com", "https://x/?a=b", "https://x/a b"]),
        ("TRUSTED_PROXIES", ["0.0.0.0/0", "::/0", "10.0.0.5/8", "traefik", "10.0.0.0/33", "10.0.0.1;10.0.0.2"]),
        ("ALLOWED_HOSTS", ["*", "*.example.com", "https://x", "a/b", "a@b", "x:port"]),
        (
            "ALLOWED_ORIGINS",
            ["*", "null", "https://x/path", "x.example.com", "https://*.x", "https://x?y", "https://u@x"],
        ),
        ("LOG_LEVEL", ["verbose", "10"]),
        ("LOG_FORMAT", ["xml"]),
        ("GITEA_TOKEN", ["<token>", "your-token-here", "changeme", "${TOKEN}", "$GITEA_TOKEN", "a b", "ä", "a\x00"]),
        ("AEGIS_KEY_PEPPER", ["short", "x" * 31]),
        ("ROOT_SECRET", ["short", "x" * 32 + ",short"]),
        (
            "MCP_API_KEYS",
            ["k" * 31, "k" * 40 + "ä", "sha256:12", "hmac:zz", "sha256:" + "a" * 64 + ":hint", "aegis_" + "0" * 40],
        ),
        ("MAX_SESSIONS", ["0"]),
        ("MAX_AUTH_FAILURES", ["0"]),
        ("GITEA_MAX_CONNECTIONS", ["0", "513"]),
        ("AUDIT_LOG_PATH", ["~nobody-of-that-name/audit"]),
    ],
)
def test_what_it_cannot_be_is_one_fault_with_a_remedy(name: str, values: list[str]) -> None:
    """Each fault names its variable, and says what to write instead."""
    for value in values:
        fault = fault_of(**{name: value})
        assert name == fault.variable, value
        assert fault.rule
        assert fault.remedy.endswith(".")


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_documented_default_is_the_default(variable: object) -> None:
    """What the reference says and what an unset variable means are the same value."""
    from aegis_trio.config.variable import Variable  # noqa: PLC0415 -- a type for this one test

    assert isinstance(variable, Variable)
    if variable.default_text and not variable.default_text.startswith("<"):
        assert variable.default == variable.parse(variable.default_text)
    assert variable.meaning.endswith(".")


@given(st.sampled_from(VARIABLES), st.text(min_size=1, max_size=80).map(str.strip).filter(bool))
def test_no_text_breaks_a_parser(variable: object, raw_value: str) -> None:
    """Property: a parser gives a value or a Misfit, whatever stands in a variable."""
    parse: Callable[[str], object] = variable.parse  # type: ignore[attr-defined]  # a sample of VARIABLES
    try:
        parse(raw_value)
    except Misfit as misfit:
        words = misfit.rule, misfit.remedy
    else:
        words = "a value", "as it is"
    assert all(words)


def test_a_shown_value_is_one_short_line_without_a_password() -> None:
    """A fault stands in logs and on screens."""
    assert "****" == show_value("hunter2", secret=True)
    assert "https://****@x/y" == show_value("https://me:hunter2@x/y", secret=False)
    assert "https://x/y?****" == show_value("https://x/y?token=hunter2", secret=False)
    assert "**** of alice" == show_value("0123456789abcdef0123456789abcdef01234567 of alice", secret=False)
    assert "a?b" == show_value("a\nb", secret=False)
    assert 80 == len(show_value("x " * 250, secret=False))
