"""The operator's clients, and what is told about an entry that cannot be one."""

from __future__ import annotations

import hashlib

import pytest

from aegis_trio.auth.clients.client import ClientAuth, ClientKind, matches_redirect
from aegis_trio.auth.clients.static import (
    CHATGPT_PATTERN,
    MAX_STATIC_CLIENTS,
    WELL_KNOWN_REDIRECTS,
    StaticClients,
    gitea_application,
    parse_static_client,
)
from aegis_trio.model.secret import Secret

SECRET = "s" * 32
ID = "c5e0a4c1-6f0e-4c3e-9d7b-0b5d9f1b2a3c"


@pytest.mark.parametrize(
    "uri",
    [
        *WELL_KNOWN_REDIRECTS,
        "https://chatgpt.com/connector/oauth/kDmjx77UnKOM",
        "http://127.0.0.1:33418/",
        "http://127.0.0.1:33418",
        "http://localhost:3118/callback",
        "http://localhost:8787/callback",
        "http://localhost:7777/oauth/callback",
        "http://127.0.0.1:19876/mcp/oauth/callback",
        "http://[::1]:4711/callback",
        "https://assistant.example/back",
    ],
)
def test_the_gitea_application_serves_the_well_known_assistants(uri: str) -> None:
    """An operator who pastes its id and secret into a connector has nothing more to configure."""
    client = gitea_application(ID, Secret(SECRET), extra_redirects=("https://assistant.example/back",))

    assert (ID, ClientKind.STATIC, ClientAuth.SECRET) == (client.id, client.kind, client.auth)
    assert hashlib.sha256(SECRET.encode()).digest() == client.secret_sha256
    assert matches_redirect(client, uri)


@pytest.mark.parametrize(
    "uri",
    [
        CHATGPT_PATTERN,
        "https://chatgpt.com/connector/oauth/",
        "https://chatgpt.com/connector/oauth/a/b",
        "https://claude.ai/connector/oauth/a",
        "https://claude.ai/api/mcp/a",
        "https://vscode.dev/redirect/a",
        "https://assistant.example/back",
        "http://localhost:4711/elsewhere",
    ],
)
def test_and_nobody_else(uri: str) -> None:
    """One segment of one address is free."""
    assert not matches_redirect(gitea_application(ID, Secret(SECRET)), uri)


def test_an_entry_has_id_secret_and_redirect_uris() -> None:
    """In this order; an address has colons of its own."""
    client = parse_static_client(f" my-app:{SECRET}:https://app.example:8443/a http://localhost/b {CHATGPT_PATTERN}")

    assert ("my-app", "my-app", ClientAuth.SECRET) == (client.id, client.name, client.auth)
    assert ("https://app.example:8443/a", "http://localhost/b") == client.redirect_uris
    assert matches_redirect(client, "https://chatgpt.com/connector/oauth/x")
    assert not matches_redirect(client, WELL_KNOWN_REDIRECTS[0])


def test_an_entry_without_redirect_uris_has_the_well_known_ones() -> None:
    """An id and a secret are all that most assistants ask for."""
    client = parse_static_client(f"my-app:{SECRET}:")

    assert matches_redirect(client, WELL_KNOWN_REDIRECTS[0])
    assert not matches_redirect(client, "https://assistant.example/back")


def test_an_entry_without_a_secret_is_a_public_client() -> None:
    """Such as the MCP inspector."""
    client = parse_static_client("inspector::http://localhost:6274/oauth/callback")

    assert (ClientAuth.NONE, None) == (client.auth, client.secret_sha256)


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ("", "id:secret:redirect"),
        ("my-app", "id:secret:redirect"),
        (f"my-app:{SECRET}", "id:secret:redirect"),
        (f":{SECRET}:", "id: 1 to 128"),
        (f"{'a' * 129}:{SECRET}:", "id: 1 to 128"),
        (f"my app:{SECRET}:", "id: 1 to 128"),
        (f"aegis_client_1:{SECRET}:", "not beginning with aegis_client_"),
        ("https://evil.example/client.json", "id: 1 to 128|id:secret:redirect"),
        ("my-app:short:", "secret of my-app: at least 32"),
        (f"my-app:{'é' * 32}:", "secret of my-app: at least 32"),
        (f"my-app:{SECRET}:http://app.example/", "redirect URI http://app.example/: must be https"),
        (f"my-app:{SECRET}:https://app.example/*", "wildcards"),
        (f"my-app:{SECRET}:https://app.example/{{callback_id}}", "wildcards"),
        (f"my-app:{SECRET}:cursor://x/y", "must be https"),
        (f"my-app:{SECRET}:" + " ".join(f"https://app.example/{n}" for n in range(17)), "at most 16"),
    ],
)
def test_a_wrong_entry_is_told_by_its_rule_and_its_secret_is_not(entry: str, rule: str) -> None:
    """The operator reads what to change, in a log that others read too."""
    with pytest.raises(ValueError, match=rule) as raised:
        parse_static_client(entry)
    assert SECRET not in str(raised.value)


def test_an_extra_redirect_uri_has_to_be_one() -> None:
    """A wildcard is an open redirector."""
    with pytest.raises(ValueError, match="wildcards"):
        gitea_application(ID, Secret(SECRET), extra_redirects=("https://*.example/back",))


def test_clients_are_found_by_their_ids() -> None:
    """Exactly."""
    one, other = gitea_application(ID, Secret(SECRET)), parse_static_client("inspector::")
    clients = StaticClients((one, other))

    assert (one, other, None) == (clients.find(ID), clients.find("inspector"), clients.find(ID.upper()))
    assert (one, other) == clients.all()


def test_two_clients_with_one_id_are_refused() -> None:
    """One of them would never be found."""
    one = parse_static_client("inspector::")
    with pytest.raises(ValueError, match="same id"):
        StaticClients((one, one))
    with pytest.raises(ValueError, match="at most 100"):
        StaticClients(tuple(parse_static_client(f"c{n}::") for n in range(MAX_STATIC_CLIENTS + 1)))
