"""Attack: every parameter of every endpoint, wrong in every way; the exact error of the RFC, in the right place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from aegis_trio.auth.broker.request import MAX_STATE_CHARS, MAX_VALUE_CHARS
from aegis_trio.auth.clients.proving import ASSERTION_TYPE
from aegis_trio.store.interface import Space
from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT_ID,
    GITEA,
    PUBLIC,
    STATIC_ID,
    STATIC_SECRET,
    Answer,
    Stage,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
    request_fields,
)

Pairs = list[tuple[str, str]]
FORM = (b"content-type", b"application/x-www-form-urlencoded")
PAGE = "a page"
"""What is said on a page of ours and nowhere else."""


def missing(fields: dict[str, str], name: str) -> Pairs:
    """Leave *name* out."""
    return [pair for pair in fields.items() if pair[0] != name]


def empty(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* no value."""
    return [(key, "" if key == name else value) for key, value in fields.items()]


def doubled(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* twice, the same value."""
    return [*fields.items(), (name, fields[name])]


def contradicted(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* twice, another value first."""
    return [(name, "another"), *fields.items()]


def too_long(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* more than anybody reads."""
    return [(key, "x" * (MAX_VALUE_CHARS + 1) if key == name else value) for key, value in fields.items()]


def unknown(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* a value that means nothing."""
    return [(key, "\u0000unknown\u2028" if key == name else value) for key, value in fields.items()]


def as_list(fields: dict[str, str], name: str) -> Pairs:
    """Give *name* as some frameworks spell lists; it is another name."""
    return [(f"{key}[]" if key == name else key, value) for key, value in fields.items()]


SHAPES = (missing, empty, doubled, contradicted, too_long, unknown, as_list)
IR, IG, IC, IT = "invalid_request", "invalid_grant", "invalid_client", "invalid_target"

# By name, the error for: missing, empty, doubled, contradicted, too long, unknown, as a list. None: as if left out.
AUTHORIZE: dict[str, tuple[str | None, ...]] = {
    "response_type": ("unsupported_response_type",) * 2
    + (IR, IR, IR, "unsupported_response_type")
    + ("unsupported_response_type",),
    "client_id": (PAGE,) * 7,
    "redirect_uri": (PAGE,) * 7,
    "state": (None, None, IR, IR, IR, None, None),
    "scope": (None, None, IR, IR, IR, None, None),
    "code_challenge": (IR,) * 7,
    "code_challenge_method": (IR,) * 7,
    "resource": (None, None, IT, IT, IT, IT, None),
    "response_mode": (None, None, IR, IR, IR, IR, None),
}
REDEEM: dict[str, tuple[str | None, ...]] = {
    "grant_type": (IR, IR, IR, IR, IR, "unsupported_grant_type", IR),
    "client_id": (IC, IC, IR, IR, IR, IC, IC),
    "code": (IR, IR, IR, IR, IR, IG, IR),
    "redirect_uri": (None, None, IR, IR, IR, IG, None),
    "code_verifier": (IR, IR, IR, IR, IR, IG, IR),
    "resource": (None, None, IT, IT, IT, IT, None),
}
REFRESH: dict[str, tuple[str | None, ...]] = {
    "grant_type": REDEEM["grant_type"],
    "client_id": REDEEM["client_id"],
    "refresh_token": (IR, IR, IR, IR, IR, IG, IR),
    "scope": (None, None, IR, IR, IR, "invalid_scope", None),
    "resource": REDEEM["resource"],
}
REVOKE: dict[str, tuple[str | None, ...]] = {
    "client_id": REDEEM["client_id"],
    "token": (IR, IR, IR, IR, IR, None, IR),
    "token_type_hint": (None,) * 7,
}


def _cases(table: dict[str, tuple[str | None, ...]]) -> list[object]:
    return [
        pytest.param(shape, name, error, id=f"{name} {shape.__name__}")
        for name, errors in table.items()
        for shape, error in zip(SHAPES, errors, strict=True)
    ]


@dataclass
class Given:
    """A person who has signed in, and everything that a client may send."""

    stage: Stage
    code: str
    tokens: dict[str, str]


async def _given() -> Given:
    stage = make_stage()
    browser = stage.browser()
    first = query_of(await browser.sign_in())["code"]
    tokens = (await stage.post("/oauth/token", code_fields(first))).json
    return Given(stage, query_of(await browser.sign_in())["code"], tokens)


def _is_refused(answer: Answer, error: str) -> None:
    assert (400, error) == (answer.status, answer.json["error"]), answer.text
    assert {"error", "error_description"} == set(answer.json)
    assert answer.json["error_description"].isprintable()
    assert "unknown\u2028" not in answer.text
    assert ("no-store", "") == (answer.header(b"cache-control"), answer.location)


@pytest.mark.parametrize(("shape", "name", "error"), _cases(AUTHORIZE))
async def test_a_request_to_sign_in(shape: object, name: str, error: str | None) -> None:
    """Refused on a page until client and redirect URI are known; then told to the client, with its state."""
    assert callable(shape)
    stage = make_stage()
    fields = request_fields() | {"response_mode": "query"}
    answer = await stage.ask("GET", f"/oauth/authorize?{urlencode(shape(fields, name))}")
    if error is None:
        assert 200 == answer.status, answer.text
        return
    assert (0, 0) == (await stage.store.count(Space.LOGIN), await stage.store.count(Space.BROWSER))
    if error is PAGE:
        assert (400, "") == (answer.status, answer.location)
        assert answer.header(b"content-type").startswith("text/html")
        assert 'http-equiv="refresh"' not in answer.text
        return
    assert (303, True) == (answer.status, answer.location.startswith(f"{CALLBACK}?"))
    told = query_of(answer.location)
    expected = {"error", "error_description", "iss"} | (set() if name == "state" else {"state"})
    assert (error, expected) == (told["error"], set(told))


@pytest.mark.parametrize(("shape", "name", "error"), _cases(REDEEM))
async def test_an_exchange_of_a_code(shape: object, name: str, error: str | None) -> None:
    """Refused by the RFC's error, and the right one still works."""
    assert callable(shape)
    given = await _given()
    fields = code_fields(given.code)
    answer = await given.stage.post("/oauth/token", shape(fields, name))
    if error is None:
        assert 200 == answer.status, answer.text
        return
    _is_refused(answer, error)
    assert 200 == (await given.stage.post("/oauth/token", fields)).status


@pytest.mark.parametrize(("shape", "name", "error"), _cases(REFRESH))
async def test_a_refresh(shape: object, name: str, error: str | None) -> None:
    """The same; the token is not used up by it."""
    assert callable(shape)
    given = await _given()
    fields = {
        "grant_type": "refresh_token",
        "client_id": DOCUMENT_ID,
        "refresh_token": given.tokens["refresh_token"],
        "scope": "read:issue",
        "resource": f"{PUBLIC}/mcp",
    }
    answer = await given.stage.post("/oauth/token", shape(fields, name))
    if error is None:
        assert 200 == answer.status, answer.text
        return
    _is_refused(answer, error)
    assert "read:issue" == (await given.stage.post("/oauth/token", fields)).json["scope"]


@pytest.mark.parametrize(("shape", "name", "error"), _cases(REVOKE))
async def test_a_revocation(shape: object, name: str, error: str | None) -> None:
    """A refusal ends nothing; an unknown token is no error (RFC 7009 section 2.2)."""
    assert callable(shape)
    given = await _given()
    fields = {"client_id": DOCUMENT_ID, "token": given.tokens["access_token"], "token_type_hint": "access_token"}
    answer = await given.stage.post("/oauth/revoke", shape(fields, name))
    if error is None:
        assert (200, {}) == (answer.status, answer.json)
        return
    _is_refused(answer, error)
    assert await given.stage.rooms.tokens.find_access(given.tokens["access_token"]) is not None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": STATIC_ID, "client_secret": ""}, IC),
        ({"client_id": STATIC_ID, "client_secret": STATIC_SECRET.upper()}, IC),
        ({"client_id": STATIC_ID, "client_secret": STATIC_SECRET + " "}, IC),
        ({"client_id": STATIC_ID, "client_secret": "x" * (MAX_VALUE_CHARS + 1)}, IR),
        ({"client_id": DOCUMENT_ID, "client_secret": STATIC_SECRET}, IC),
        ({"client_assertion": "a.b.c"}, IR),
        ({"client_assertion": "a.b.c", "client_assertion_type": "x"}, IR),
        ({"client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE}, IC),
        ({"client_assertion": "x" * (MAX_VALUE_CHARS + 1), "client_assertion_type": ASSERTION_TYPE}, IR),
        ({"client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE, "client_secret": "x"}, IR),
    ],
    ids=lambda value: str(value)[:90],
)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
async def test_a_client_that_does_not_prove_itself(path: str, changes: dict[str, str], error: str) -> None:
    """Before anything else of the request is looked at."""
    given = await _given()
    fields = code_fields(given.code) | {"token": given.tokens["access_token"]}
    _is_refused(await given.stage.post(path, fields | changes), error)
    assert await given.stage.rooms.tokens.find_access(given.tokens["access_token"]) is not None


async def test_what_has_expired_or_was_used_is_refused_everywhere() -> None:
    """Consent, way back, code, access token, refresh token: each has an end, and says no more than that."""
    given = await _given()
    stage, browser = given.stage, given.stage.browser()
    page = await browser.get(authorize_address())
    onward = (await browser.decide(page, "allow")).onward
    open_page = await browser.get(authorize_address())
    assert 400 == (await browser.decide(page, "allow")).status
    stage.later(601)
    assert [400, 400] == [(await browser.at_gitea(onward)).status, (await browser.decide(open_page, "allow")).status]
    _is_refused(await stage.post("/oauth/token", code_fields(given.code)), IG)
    stage.later(3000)
    assert await stage.rooms.tokens.find_access(given.tokens["access_token"]) is None
    stage.later(30 * 86_400)
    refresh = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID, "refresh_token": given.tokens["refresh_token"]}
    _is_refused(await stage.post("/oauth/token", refresh), IG)


CALLED_BACK = ("missing", "empty", "doubled", "contradicted", "too_long", "unknown", "as_list")


@pytest.mark.parametrize("shape", SHAPES, ids=CALLED_BACK)
@pytest.mark.parametrize("name", ["state", "code", "iss"])
async def test_a_way_back_from_gitea(shape: object, name: str) -> None:
    """Nothing is exchanged that is not this sign-in's, and only the client that began it hears of an end."""
    assert callable(shape)
    stage = make_stage()
    browser = stage.browser()
    onward = (await browser.decide(await browser.get(authorize_address()), "allow")).onward
    fields = {"state": query_of(onward)["state"], "code": stage.gitea.code(), "iss": GITEA}
    answer = await browser.get(f"/oauth/callback?{urlencode(shape(fields, name))}")
    may_do_without = name == "iss" and shape in {missing, empty, as_list}
    has_no_code = name == "code" and shape in {missing, empty, unknown, as_list}
    if may_do_without:
        assert "code" in query_of(answer.location)
    elif has_no_code:
        assert answer.location.startswith(f"{CALLBACK}?")
        assert "server_error" == query_of(answer.location)["error"]
    else:
        assert (400, "") == (answer.status, answer.location)
        assert 0 == await stage.store.count(Space.CODE)
    assert fields["code"] not in answer.text + answer.location


WRONG_TYPES: list[object] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    [None],
    [[]],
    [{}],
    {},
    {"a": []},
    "\ud800",
    "x" * 9000,
]
MEMBERS = (
    "redirect_uris",
    "client_name",
    "token_endpoint_auth_method",
    "grant_types",
    "response_types",
    "scope",
    "client_uri",
    "logo_uri",
    "contacts",
    "jwks",
    "jwks_uri",
    "software_id",
    "application_type",
    "client_id",
    "client_secret",
    "client_secret_expires_at",
)


@pytest.mark.parametrize("name", MEMBERS)
async def test_a_registration_with_any_member_of_any_type(name: str) -> None:
    """Registered, or refused with an error of RFC 7591; never a fault of ours, and nothing of it is believed."""
    for value in WRONG_TYPES:
        stage = make_stage()
        body = json.dumps({"redirect_uris": [CALLBACK], name: value}).encode()
        answer = await stage.ask("POST", "/oauth/register", (b"content-type", b"application/json"), body=body)
        if answer.status == 201:
            assert [CALLBACK] == answer.json["redirect_uris"]
            assert answer.json["client_id"].startswith("aegis_client_")
            assert "client_secret" not in answer.json
            assert isinstance(answer.json["client_name"], str)
            assert 120 >= len(answer.json["client_name"])
        else:
            code = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
            _is_refused(answer, code)
            assert 0 == await stage.store.count(Space.CLIENT)


@pytest.mark.parametrize("bad", [None, 5, [], {}, "", "javascript:alert(1)", "http://evil.example/", "x" * 9000])
async def test_one_bad_redirect_uri_does_not_spoil_the_others(bad: object) -> None:
    """And is not registered."""
    answer = await make_stage().register({"redirect_uris": [bad, CALLBACK, bad]})
    assert (201, [CALLBACK]) == (answer.status, answer.json["redirect_uris"])


async def test_a_state_of_the_greatest_length_comes_back_whole() -> None:
    """The bound is a bound and not a guess."""
    state = "\u00fc" * MAX_STATE_CHARS
    assert state == query_of(await make_stage().browser().sign_in(state=state))["state"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/register", "/oauth/revoke"])
async def test_an_endpoint_of_clients_is_posted_to(method: str, path: str) -> None:
    """A token in an address would stand in every log on the way."""
    given = await _given()
    query = urlencode(code_fields(given.code))
    answer = await given.stage.ask(method, f"{path}?{query}")
    assert 405 == answer.status
    in_query = await given.stage.ask("POST", f"{path}?{query}", FORM)
    assert 400 == in_query.status
    assert 200 == (await given.stage.post("/oauth/token", code_fields(given.code))).status
