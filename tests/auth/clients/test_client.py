"""Where answers may go: exactly there, and nowhere that only looks like it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.clients.client import (
    MAX_REDIRECT_CHARS,
    Client,
    ClientAuth,
    ClientKind,
    decode_client,
    encode_client,
    is_loopback,
    is_valid_redirect,
    matches_redirect,
)

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost/callback"
CLIENT = Client(
    id="https://claude.ai/oauth/client",
    kind=ClientKind.DOCUMENT,
    name="Claude",
    redirect_uris=(HOSTED, LOCAL, "http://127.0.0.1:33418/", "http://[::1]/callback"),
)
OPEN = replace(CLIENT, kind=ClientKind.STATIC, open_redirects=("https://chatgpt.com/connector/oauth/",))


@pytest.mark.parametrize(
    "uri",
    [
        HOSTED,
        LOCAL,
        "http://localhost:1/callback",
        "http://localhost:65535/callback",
        "http://127.0.0.1:33418/",
        "http://127.0.0.1:4711/",
        "http://127.0.0.1/",
        "http://[::1]:4711/callback",
    ],
)
def test_a_known_address_is_matched_and_the_port_of_loopback_is_free(uri: str) -> None:
    """RFC 8252 section 7.3: a program takes the port that is free at the moment."""
    assert matches_redirect(CLIENT, uri)


SMUGGLED = [
    "https://claude.ai@evil.example/api/mcp/auth_callback",  # userinfo
    "https://claude.ai:x@evil.example/api/mcp/auth_callback",
    "https://evil.example\\@claude.ai/api/mcp/auth_callback",  # backslash
    "https://claude.ai\\.evil.example/api/mcp/auth_callback",
    "https:\\\\claude.ai/api/mcp/auth_callback",
    HOSTED + "#",  # fragment
    HOSTED + "#x",
    "https://evil.example#" + HOSTED,
    "https://claude.ai/api/mcp/../mcp/auth_callback",  # dot segments
    "https://claude.ai/api/./mcp/auth_callback",
    "https://claude.ai/api/mcp/auth_callback/..",
    "https://claude.ai/api/%2e%2e/api/mcp/auth_callback",
    "https://claude.ai/API/mcp/auth_callback",  # case
    "https://CLAUDE.AI/api/mcp/auth_callback",
    "HTTPS://claude.ai/api/mcp/auth_callback",
    "https://claude.ai/api%2fmcp/auth_callback",  # encoded
    "https://claude%2eai/api/mcp/auth_callback",
    "https://claude.ai/api/mcp/auth%5Fcallback",
    "https://evil.claude.ai/api/mcp/auth_callback",  # subdomain, and the other way round
    "https://claude.ai.evil.example/api/mcp/auth_callback",
    "https://claude.ai./api/mcp/auth_callback",
    "https://claude.ai:443/api/mcp/auth_callback",  # port
    "https://claude.ai:8443/api/mcp/auth_callback",
    "https://claude.ai:/api/mcp/auth_callback",
    "http://claude.ai/api/mcp/auth_callback",  # scheme
    "//claude.ai/api/mcp/auth_callback",
    "claude.ai/api/mcp/auth_callback",
    HOSTED + "/",
    HOSTED + "?x=1",
    HOSTED + "?",
    HOSTED + ";x",
    HOSTED + "\n",
    " " + HOSTED,
    HOSTED + "\u200b",
    "https://clаude.ai/api/mcp/auth_callback",  # noqa: RUF001 -- a Cyrillic letter
    "http://localhost:4711/callback/",  # loopback variants
    "http://localhost:4711/Callback",
    "http://localhost:4711/callback?x=1",
    "http://localhost:4711/callback#x",
    "http://localhost:99999/callback",
    "http://localhost:x/callback",
    "http://localhost.evil.example/callback",
    "http://evil.localhost/callback",
    "http://localhost:80@evil.example/callback",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.2/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0.0.0.0/",
    "http://[::]/callback",
    "http://[::ffff:127.0.0.1]/callback",
    "http://[::1].evil.example/callback",
    "http://[::1]evil.example/callback",
    "http://[::1",
    "https://localhost/callback",
    "javascript:alert(1)//" + HOSTED,
    "data:text/html,x",
    "file:///etc/passwd",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "",
    "https://",
    "https:///callback",
]


@pytest.mark.parametrize("uri", SMUGGLED, ids=range(len(SMUGGLED)))
def test_what_only_looks_like_a_known_address_is_not_it(uri: str) -> None:
    """Redirect smuggling: userinfo, backslash, fragment, dot segments, case, encoding, subdomain, port, loopback
    variants, `javascript:`. Each of these leads elsewhere in some reader.
    """
    assert not matches_redirect(CLIENT, uri)
    assert not matches_redirect(OPEN, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://user@host.example/",
        "https://host.example/a\\b",
        "https://host.example/#",
        "https://host.example/a/../b",
        "https://host.example/.",
        "https://host.example/a b",
        "https://host.example/é",
        "https://ho_st.example/",
        "https://*.host.example/",
        "cursor://anysphere.cursor-mcp/oauth/callback2",
        "cursor://anysphere.cursor-mcp/oauth/callback?x",
        "cursor://evil.example/oauth/callback",
        "https://host.example:x/",
        "https://host.example:99999/",
        "https://-host.example/",
        "http://host.example/",
        "http://[::1].host.example/",
        "https://[::1",
        "ftp://host.example/",
        "javascript:alert(1)",
        "https:host.example",
        "",
        "https://host.example/" + "a" * MAX_REDIRECT_CHARS,
    ],
)
def test_what_cannot_be_a_redirect_uri_is_none(uri: str) -> None:
    """Law 2, for whoever registers."""
    assert not is_valid_redirect(uri)


@pytest.mark.parametrize(
    "uri",
    [
        HOSTED,
        LOCAL,
        "https://host.example",
        "https://host.example:8443/x?y=z",
        "http://[::1]:1/",
        "https://[2606::1]/x",
        "cursor://anysphere.cursor-mcp/oauth/callback",
    ],
)
def test_what_can_be_a_redirect_uri_is_one(uri: str) -> None:
    """Ports, queries and IPv6 are nobody's attack."""
    assert is_valid_redirect(uri)


@pytest.mark.parametrize(
    ("rest", "is_good"),
    [
        ("aB3_-x", True),
        ("a" * 128, True),
        ("", False),
        ("a" * 129, False),
        ("a/b", False),
        ("a/", False),
        ("..", False),
        ("a.b", False),
        ("%2e%2e", False),
        ("a?x=1", False),
        ("a#x", False),
        ("a@evil.example", False),
        ("a\\b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_one_segment_is_free_where_the_operator_left_it_free(rest: str, *, is_good: bool) -> None:
    """The address that ChatGPT makes for each connector; one segment of harmless letters, and only for that client."""
    uri = "https://chatgpt.com/connector/oauth/" + rest

    assert is_good is matches_redirect(OPEN, uri)
    assert not matches_redirect(CLIENT, uri)


@given(
    st.text() | st.sampled_from([*SMUGGLED, HOSTED, LOCAL]).flatmap(lambda uri: st.text(max_size=3).map(uri.__add__))
)
def test_no_address_is_matched_that_leads_to_another_host(raw: str) -> None:
    """Whatever the text: its host, as the standard library and as a simple reader see it, is a known one."""
    if matches_redirect(OPEN, raw):
        assert urlsplit(raw).hostname in {"claude.ai", "localhost", "127.0.0.1", "::1", "chatgpt.com"}
        rest = raw.split("//", 1)[1]
        assert rest.split("/", 1)[0].rstrip("0123456789").rstrip(":") in {
            *("claude.ai", "localhost", "127.0.0.1", "127.0.0.", "[::1]", "chatgpt.com"),
        }


def test_answers_that_stay_on_the_machine_are_known_as_such() -> None:
    """The consent page warns: any program there can claim to be this client."""
    assert is_loopback(LOCAL)
    assert is_loopback("http://127.0.0.1:8787/x")
    assert not is_loopback(CLIENT.redirect_uris[0])
    assert not is_loopback("http://[::1")


def test_only_a_document_speaks_for_its_host() -> None:
    """A name that a client gave itself is no host."""
    assert "claude.ai" == CLIENT.host
    assert OPEN.host is None


@given(
    st.builds(
        Client,
        id=st.text(),
        kind=st.sampled_from(ClientKind),
        name=st.text(),
        redirect_uris=st.lists(st.text(), max_size=3).map(tuple),
        auth=st.sampled_from(ClientAuth),
        secret_sha256=st.none() | st.binary(min_size=32, max_size=32),
        jwks=st.none() | st.just({"keys": [{"kid": "1"}]}),
        jwks_uri=st.none() | st.text(),
        created_at=st.integers(0, 2**40),
    )
)
def test_a_client_is_read_as_it_was_written(client: Client) -> None:
    """Rows of the store, whatever is in them."""
    assert client == decode_client(encode_client(client))


def test_a_row_that_is_no_client_raises() -> None:
    """It was written by somebody else."""
    with pytest.raises(KeyError):
        decode_client(b"{}")
    with pytest.raises(ValueError, match="oauth"):
        decode_client(encode_client(CLIENT).replace(b'"document"', b'"oauth"'))
    assert ClientAuth.NONE is decode_client(encode_client(CLIENT)).auth
