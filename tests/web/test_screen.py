"""The screen lets through what is meant for this server, and nothing else."""

from __future__ import annotations

import json

import pytest

from aegis_trio.web.screen import HEALTH_PATHS, MAX_BODY_BYTES, ROUTES, Headers, Place, Visitors, screen
from aegis_trio.web.settings import WebSettings

LOCAL = WebSettings()
PUBLIC = WebSettings(
    public_url="https://mcp.example.org",
    allowed_hosts=frozenset({"mcp.example.org", "[2001:db8::1]", "odd.example.org:8443"}),
    allowed_origins=frozenset({"https://chat.example.org"}),
)


def _status(method: str, path: str, headers: Headers, settings: WebSettings = LOCAL) -> int | None:
    answer = screen(method, path, headers, settings)
    return None if answer is None else answer.status


def _host(name: bytes) -> tuple[bytes, bytes]:
    return (b"host", name)


@pytest.mark.parametrize("name", [b"localhost", b"127.0.0.1:8080", b"[::1]:9", b"LOCALHOST"])
def test_loopback_names_are_served_by_default(name: bytes) -> None:
    """A newcomer's curl works as printed."""
    assert _status("POST", "/mcp", [_host(name)]) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [_host(b"evil.example")],
        [_host(b"localhost"), _host(b"localhost")],
        [_host(b"\xff")],
        [_host(b"localhost.evil")],
        [_host(b"localhost:80@evil.example")],
        [_host(b"[::1].evil.example")],
    ],
    ids=["none", "stranger", "doubled", "not ascii", "suffix", "userinfo", "behind brackets"],
)
def test_a_host_that_is_not_ours_is_refused(headers: Headers) -> None:
    """DNS rebinding: a page whose name was pointed at this machine still sends its own Host."""
    assert 421 == _status("POST", "/mcp", headers)


@pytest.mark.parametrize("path", sorted(HEALTH_PATHS))
def test_health_checks_need_no_host_of_ours(path: str) -> None:
    """Probes call by address."""
    assert _status("GET", path, [_host(b"10.1.2.3:8080")]) is None


def test_an_entry_with_a_port_is_that_port_only() -> None:
    """`odd.example.org:8443` in ALLOWED_HOSTS does not open every port of that name."""
    assert _status("POST", "/mcp", [_host(b"odd.example.org:8443")], PUBLIC) is None
    assert 421 == _status("POST", "/mcp", [_host(b"odd.example.org")], PUBLIC)
    assert _status("POST", "/mcp", [_host(b"[2001:db8::1]:443")], PUBLIC) is None


@pytest.mark.requirement("MCP-HTTP-13")
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (b"http://localhost:6274", None),
        (b"https://127.0.0.1", None),
        (b"http://[::1]:3000", None),
        (b"http://evil.example", 403),
        (b"null", 403),
        (b"http://localhost.evil.example", 403),
        (b"http://localhost/path", 403),
        (b"file://localhost", 403),
        (b"http://me@localhost", 403),
        (b"http://localhost?x", 403),
        (b"http://localhost:80:80", 403),
        (b"http://[", 403),
        (b"\xff", 403),
        (b"", 403),
    ],
)
def test_a_local_gate_answers_pages_of_this_machine_only(origin: bytes, expected: int | None) -> None:
    """The Inspector runs on loopback; a web site does not."""
    assert expected == _status("POST", "/mcp", [_host(b"localhost"), (b"origin", origin)])


@pytest.mark.requirement("MCP-HTTP-13")
def test_a_public_gate_answers_allowed_origins_only() -> None:
    """Loopback pages are strangers to a public gate."""
    ours = _host(b"mcp.example.org")
    assert _status("POST", "/mcp", [ours, (b"origin", b"https://chat.example.org")], PUBLIC) is None
    assert 403 == _status("POST", "/mcp", [ours, (b"origin", b"http://localhost:6274")], PUBLIC)
    assert 403 == _status("POST", "/mcp", [ours, *[(b"origin", b"https://chat.example.org")] * 2], PUBLIC)


def test_a_preflight_is_answered_for_allowed_origins() -> None:
    """Browsers ask before they send Authorization."""
    headers = [_host(b"localhost"), (b"origin", b"http://localhost:6274")]
    answer = screen("OPTIONS", "/mcp", headers, LOCAL)
    assert answer is not None
    assert 204 == answer.status
    sent = dict(answer.headers)
    assert b"http://localhost:6274" == sent[b"access-control-allow-origin"]
    assert b"DELETE, GET, POST" == sent[b"access-control-allow-methods"]
    assert b"authorization" in sent[b"access-control-allow-headers"]
    assert b"Origin" == sent[b"vary"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "OPTIONS", "get"])
def test_methods_that_do_not_exist_are_405_with_allow(method: str) -> None:
    """Only listed methods reach a route; TRACE is off."""
    answer = screen(method, "/mcp", [_host(b"localhost")], LOCAL)
    assert answer is not None
    assert 405 == answer.status
    assert b"DELETE, GET, POST" == dict(answer.headers)[b"allow"]


@pytest.mark.parametrize("path", ["/mcp/", "/mcpx", "/MCP", "/metrics", "/.env", "//mcp", "/mcp/../mcp"])
def test_paths_are_matched_exactly(path: str) -> None:
    """No prefix, case or dot segment reaches a route; metrics are not on the public listener."""
    assert 404 == _status("GET", path, [_host(b"localhost")])


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (str(MAX_BODY_BYTES).encode(), None),
        (str(MAX_BODY_BYTES + 1).encode(), 413),
        (b"9" * 4000, 413),
        (b"-1", 400),
        (b"1e3", 400),
        (b"", 400),
    ],
)
def test_a_declared_body_above_the_bound_is_refused_before_it_is_read(length: bytes, expected: int | None) -> None:
    """Nobody makes the gate read four megabytes to learn that five were too many."""
    assert expected == _status("POST", "/mcp", [_host(b"localhost"), (b"content-length", length)])


def test_every_refusal_is_json_with_words() -> None:
    """A person with curl learns what to do."""
    answer = screen("POST", "/mcp", [_host(b"evil")], LOCAL)
    assert answer is not None
    assert "ALLOWED_HOSTS" in json.loads(answer.body)["message"]


def test_every_route_has_a_method() -> None:
    """A path without methods would be a 405 without a way out."""
    assert all(ROUTES.values())


PLACES = {
    "/open": Place(frozenset({"GET"}), Visitors.EVERYBODY),
    "/ours": Place(frozenset({"GET", "POST"}), Visitors.OURS),
    "/listed": Place(frozenset({"GET"})),
}


@pytest.mark.parametrize(("path", "status"), [("/open", None), ("/ours", None), ("/listed", 403)])
def test_a_place_says_whose_pages_may_call_it(path: str, status: int | None) -> None:
    """Public documents are for every page; pages of ours look at who posts their forms themselves."""
    answer = screen("GET", path, [_host(b"localhost"), (b"origin", b"https://evil.example")], LOCAL, PLACES)
    assert status == (None if answer is None else answer.status)
    assert 404 == _status("GET", path, [_host(b"localhost")])


def test_a_place_for_everybody_answers_a_preflight_and_ours_does_not() -> None:
    """`*` never goes with cookies, and pages for people are called by nobody's script."""
    headers = [_host(b"localhost"), (b"origin", b"https://evil.example")]
    opened = screen("OPTIONS", "/open", headers, LOCAL, PLACES)
    assert opened is not None
    assert (204, b"*") == (opened.status, dict(opened.headers)[b"access-control-allow-origin"])
    ours = screen("OPTIONS", "/ours", headers, LOCAL, PLACES)
    assert ours is not None
    assert (405, b"GET, POST") == (ours.status, dict(ours.headers)[b"allow"])


def test_a_place_is_screened_for_its_host_like_every_other() -> None:
    """DNS rebinding ends at every path."""
    assert screen("GET", "/open", [_host(b"evil.example")], LOCAL, PLACES) is not None
