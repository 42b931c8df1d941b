"""Attack: anything at all, at every endpoint, with secrets in the wrong places: no fault, no stranger, no leak."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import hypothesis
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT_ID,
    GITEA,
    PUBLIC,
    STATIC_ID,
    STATIC_SECRET,
    VERIFIER,
    Answer,
    Stage,
    Visitor,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)

FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json")
NAMES = (
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "response_mode",
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "iss",
    "error",
    "error_description",
    "login",
    "decision",
    "action",
    "grant",
    "request",
    "request_uri",
)
MARKS = (
    "<code>",
    "<used code>",
    "<access>",
    "<refresh>",
    "<gitea code>",
    "<state>",
    "<cookie>",
    "<verifier>",
    "<secret>",
)
"""Stand for secrets in what Hypothesis makes, which does not know them."""
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(MARKS),
    st.sampled_from(
        [
            "code",
            "S256",
            DOCUMENT_ID,
            STATIC_ID,
            CALLBACK,
            f"{PUBLIC}/mcp",
            "https://evil.example/",
            "//evil.example",
            "javascript:alert(1)",
            "authorization_code",
            "refresh_token",
            "allow",
            "revoke",
            "https://client.evil.example/c",
        ]
    ),
)
REQUESTS = st.tuples(
    st.sampled_from(
        [
            ("GET", "/oauth/authorize"),
            ("GET", "/oauth/consent"),
            ("POST", "/oauth/consent"),
            ("GET", "/oauth/callback"),
            ("GET", "/oauth/connected"),
            ("POST", "/oauth/connected"),
            ("POST", "/oauth/token"),
            ("POST", "/oauth/revoke"),
            ("POST", "/oauth/register"),
        ]
    ),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=10),
)


@dataclass
class Known:
    """A person in the middle of everything, and every secret there is."""

    stage: Stage
    browser: Visitor
    secrets: dict[str, str]


async def _known() -> Known:
    stage = make_stage()
    browser = stage.browser()
    used = query_of(await browser.sign_in())["code"]
    tokens = (await stage.post("/oauth/token", code_fields(used))).json
    code = query_of(await browser.sign_in())["code"]
    other = stage.browser()
    onward = (await other.decide(await other.get(authorize_address()), "allow")).onward
    secrets = {
        "<code>": code,
        "<used code>": used,
        "<access>": tokens["access_token"],
        "<refresh>": tokens["refresh_token"],
        "<gitea code>": stage.gitea.code(),
        "<state>": query_of(onward)["state"],
        "<cookie>": next(iter(browser.cookies.values())),
        "<verifier>": VERIFIER,
        "<secret>": STATIC_SECRET,
    }
    return Known(stage, browser, secrets)


async def _ask(known: Known, method: str, path: str, pairs: list[tuple[str, str]]) -> Answer:
    given_pairs = [(name, known.secrets.get(value, value)) for name, value in pairs]
    query = urlencode(given_pairs, errors="surrogatepass")
    cookie = ("; ".join(f"{name}={value}" for name, value in known.browser.cookies.items())).encode()
    kind = JSON if path == "/oauth/register" else FORM
    headers = [(b"cookie", cookie), kind, (b"sec-fetch-site", b"same-origin")]
    if method == "GET":
        return await known.stage.ask("GET", f"{path}?{query}", *headers)
    return await known.stage.ask("POST", path, *headers, body=query.encode())


def _check_answer(known: Known, answer: Answer, pairs: list[tuple[str, str]]) -> None:
    assert 500 > answer.status or answer.status == 503
    if answer.location:
        place = urlsplit(answer.location)
        assert f"{place.scheme}://{place.netloc}" in {
            "https://claude.example.com",
            PUBLIC,
            GITEA,
            "https://chat.example.net",
        }
    assert "no-referrer" == answer.header(b"referrer-policy") or answer.header(b"content-type") == "application/json"
    # What a client sent as its own state it gets back; nothing else comes back from where it does not belong.
    text = answer.text + answer.location
    echoed = {value for name, value in pairs if name == "state"}
    for mark, secret in known.secrets.items():
        if mark not in echoed:
            assert secret not in text


@hypothesis.settings(max_examples=150)
@given(st.lists(REQUESTS, min_size=1, max_size=3))
async def test_whatever_is_sent_nothing_secret_comes_out(
    requests: list[tuple[tuple[str, str], list[tuple[str, str]]]],
) -> None:
    """Never 500, never led to a stranger; no code, token, state or cookie in a page, a log, a record or an address."""
    known = await _known()
    with capture_logs() as logs:
        for (method, path), pairs in requests:
            _check_answer(known, await _ask(known, method, path, pairs), pairs)
    written = repr(logs) + repr([(entry.event, entry.fields) for entry in known.stage.trail.entries])
    assert [] == [mark for mark, secret in known.secrets.items() if secret in written]


async def test_a_whole_sign_in_writes_no_secret_into_a_log_a_record_or_a_page() -> None:
    """The good way, and every refusal with the real secrets in the wrong fields."""
    with capture_logs() as logs:
        known = await _known()
        for method, path in (("GET", "/oauth/authorize"), ("GET", "/oauth/callback"), ("GET", "/oauth/consent")):
            for name in NAMES:
                for mark in MARKS:
                    pairs = [(name, mark)]
                    _check_answer(known, await _ask(known, method, path, pairs), pairs)
        for path in ("/oauth/token", "/oauth/revoke", "/oauth/consent", "/oauth/connected"):
            for name in NAMES:
                pairs = [("client_id", DOCUMENT_ID), ("grant_type", "refresh_token"), (name, "<state>")]
                _check_answer(known, await _ask(known, "POST", path, pairs), [("", "")])
    written = repr(logs) + repr([(entry.event, entry.fields) for entry in known.stage.trail.entries])
    assert [] == [mark for mark, secret in known.secrets.items() if secret in written]
