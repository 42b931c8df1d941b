"""Signing in: two settings and the application's id and secret are enough, and nothing half-set passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.auth.signin_settings import Flow
from aegis_trio.model.secret import Secret
from tests.config.places import fault_of, load

HTTPS = "https://mcp.example.org"
ON = {"OAUTH_MODE": "true", "GITEA_OAUTH_CLIENT_ID": "app-id", "GITEA_OAUTH_CLIENT_SECRET": "gto_" + "s" * 52}
LONG = "s" * 32


def test_nobody_signs_in_unless_it_is_switched_on() -> None:
    """The default is keys alone; what is set besides is read and counts for nothing."""
    assert load().signin is None
    assert load(GITEA_OAUTH_CLIENT_ID="app-id").signin is None


def test_an_application_in_gitea_is_enough() -> None:
    """Everything else has a default that is safe."""
    signin = load(PUBLIC_URL=HTTPS, **ON).signin

    assert signin is not None
    assert (Flow.BROKER, "app-id", "app-id") == (signin.flow, signin.client_id, signin.expected_audience)
    assert (3600, 2_592_000, (), ()) == (
        signin.access_ttl_s,
        signin.refresh_ttl_s,
        signin.encryption_keys,
        signin.static_clients,
    )
    assert Path("/var/lib/aegis-mcp/store.sqlite3") == signin.store_path
    assert Secret("gto_" + "s" * 52) == signin.client_secret


def test_without_keys_people_alone_can_call() -> None:
    """A team that signs in needs no API key, and no bot."""
    settings = load(PUBLIC_URL=HTTPS, MCP_API_KEYS="", GITEA_TOKEN="", **ON)

    assert () == settings.auth.keys
    assert settings.signin is not None


def test_everything_that_is_set_arrives() -> None:
    """Each variable reaches its place."""
    signin = load(
        **ON,
        PUBLIC_URL=HTTPS,
        OAUTH_FLOW="gitea",
        OAUTH_EXPECTED_AUDIENCE="other",
        TOKEN_ENCRYPTION_KEY=f"{'0a' * 32}, {'0B' * 32}",
        ACCESS_TOKEN_TTL_S="600",
        REFRESH_TOKEN_TTL_S="7200",
        OAUTH_ALLOWED_CLIENT_DOMAINS="Claude.ai, *.chatgpt.com",
        OAUTH_STATIC_CLIENTS=f"a:{LONG}:https://a.example/cb http://localhost/cb, b::https://b.example/cb",
        OAUTH_EXTRA_REDIRECT_URIS="https://c.example/cb",
        STORE_PATH="/srv/store.sqlite3",
        JWKS_MAX_STALE_S="120",
        ALLOW_GITEA_PAT="true",
    ).signin

    assert signin is not None
    assert (Flow.GITEA, "other") == (signin.flow, signin.expected_audience)
    assert (b"\x0a" * 32, b"\x0b" * 32) == signin.encryption_keys
    assert (600, 7200) == (signin.access_ttl_s, signin.refresh_ttl_s)
    assert ("claude.ai", "chatgpt.com") == signin.allowed_client_domains
    first, second = signin.static_clients
    assert ("a", ("https://a.example/cb", "http://localhost/cb")) == (first.id, first.redirect_uris)
    assert ("b", ("https://b.example/cb",)) == (second.id, second.redirect_uris)
    assert ("https://c.example/cb",) == signin.extra_redirect_uris
    assert (Path("/srv/store.sqlite3"), 120.0, True) == (
        signin.store_path,
        signin.jwks_max_stale_s,
        signin.allow_gitea_pat,
    )


@pytest.mark.parametrize("missing", ["GITEA_OAUTH_CLIENT_ID", "GITEA_OAUTH_CLIENT_SECRET"])
def test_what_is_missing_is_named_with_where_it_comes_from(missing: str) -> None:
    """An administrator reads what to do next."""
    fault = str(fault_of(PUBLIC_URL=HTTPS, **{name: value for name, value in ON.items() if name != missing}))

    assert missing in fault
    assert "docs/authentication.md" in fault


def test_a_public_address_without_tls_is_refused() -> None:
    """OAuth 2.1 section 1.5: codes and tokens do not travel in the clear; loopback is this machine's own."""
    assert "https PUBLIC_URL" in str(fault_of(PUBLIC_URL="http://mcp.example.org", **ON))
    assert load(**ON).signin is not None


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("TOKEN_ENCRYPTION_KEY", "0a0b", "64 hexadecimal"),
        ("TOKEN_ENCRYPTION_KEY", "zz" * 32, "64 hexadecimal"),
        ("OAUTH_ALLOWED_CLIENT_DOMAINS", "https://claude.ai", "is not a domain"),
        ("OAUTH_ALLOWED_CLIENT_DOMAINS", "localhost", "is not a domain"),
        ("OAUTH_STATIC_CLIENTS", "a b", "no client"),
        ("OAUTH_STATIC_CLIENTS", "a:short:https://a.example/cb", "no client"),
        ("OAUTH_STATIC_CLIENTS", "a::http://a.example/cb", "no client"),
        ("OAUTH_STATIC_CLIENTS", "a::https://a.example/cb, a::https://b.example/cb", "same id"),
        ("OAUTH_EXTRA_REDIRECT_URIS", "https://a.example/cb#x", "no redirect URI"),
        ("OAUTH_EXTRA_REDIRECT_URIS", "https://*.example/cb", "wildcards"),
        ("GITEA_OAUTH_CLIENT_ID", "an id", "is no id"),
        ("GITEA_OAUTH_CLIENT_SECRET", "gto_ä", "is no secret"),
        ("OAUTH_EXPECTED_AUDIENCE", "another", "OAUTH_FLOW=gitea"),
        ("OAUTH_FLOW", "implicit", "one of the words"),
        ("ALLOW_GITEA_PAT", "true", "OAUTH_FLOW=gitea"),
        ("ACCESS_TOKEN_TTL_S", "5", "from 60"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_rule(name: str, value: str, rule: str) -> None:
    """Bad input names the field, the rule and the way out; a secret is not shown."""
    fault = str(fault_of(**{"PUBLIC_URL": HTTPS, **ON, name: value}))

    assert name in fault
    assert rule in fault


def test_signing_in_and_an_open_gate_exclude_each_other() -> None:
    """People would sign in as themselves and act as the bot; the operator says which of both is meant."""
    assert "AUTH_ENABLED" == fault_of(PUBLIC_URL=HTTPS, AUTH_ENABLED="false", **ON).variable


def test_the_audience_of_the_broker_is_our_application() -> None:
    """The guides tell people to write it down; saying what is so anyway is no fault."""
    assert load(PUBLIC_URL=HTTPS, OAUTH_EXPECTED_AUDIENCE="app-id", **ON).signin is not None


def test_the_address_of_a_chatgpt_connector_may_be_given() -> None:
    """As the entries of clients spell it."""
    pattern = "https://chatgpt.com/connector/oauth/{callback_id}"
    signin = load(PUBLIC_URL=HTTPS, OAUTH_EXTRA_REDIRECT_URIS=pattern, **ON).signin

    assert signin is not None
    assert (pattern,) == signin.extra_redirect_uris


def test_gitea_may_have_another_address_for_browsers() -> None:
    """In a compose file the gate asks `http://gitea:3000`, where nobody's browser can follow."""
    inner = {"PUBLIC_URL": HTTPS, "GITEA_URL": "http://gitea:3000", **ON}
    settings = load(**inner, GITEA_PUBLIC_URL="https://Git.example.org/")

    assert settings.signin is not None
    assert ("http://gitea:3000", "https://git.example.org") == (settings.gitea.url, settings.signin.gitea_public_url)
    assert () == settings.warnings


@pytest.mark.parametrize("gitea_url", ["http://gitea:3000", "http://127.0.0.1:3000", "https://localhost"])
def test_an_address_that_browsers_cannot_reach_is_worth_a_word(gitea_url: str) -> None:
    """A first sign-in that ends at an unknown host tells nobody what is wrong."""
    warnings = load(PUBLIC_URL=HTTPS, GITEA_URL=gitea_url, **ON).warnings

    assert any("GITEA_PUBLIC_URL" in warning for warning in warnings)
    assert not any("GITEA_PUBLIC_URL" in warning for warning in load(GITEA_URL=gitea_url, **ON).warnings)
    assert not any("GITEA_PUBLIC_URL" in warning for warning in load(PUBLIC_URL=HTTPS, **ON).warnings)
