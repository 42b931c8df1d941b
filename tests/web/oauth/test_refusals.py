"""Bad input at every step: the exact error of the RFC, in the right place, and nothing granted."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from aegis_trio.auth.broker.request import MAX_STATE_CHARS
from tests.web.oauth.stage import (
    CALLBACK,
    CHALLENGE,
    DOCUMENT_ID,
    GITEA,
    PUBLIC,
    STATIC_CALLBACK,
    STATIC_ID,
    STATIC_SECRET,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
    request_fields,
)

REFRESH = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID}

# ---- the request to sign in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": None}, "client_id: is missing"),
        ({"client_id": ""}, "client_id: is missing"),
        ({"client_id": "nobody"}, "not known"),
        ({"client_id": "aegis_client_" + "0" * 32}, "not known"),
        ({"client_id": "x" * 9000}, "client_id: has more than"),
        ({"client_id": "https://gone.example.com/client"}, "answered 404"),
        ({"redirect_uri": "https://evil.example/callback"}, "is not one of this client"),
        ({"redirect_uri": CALLBACK + "/"}, "is not one of this client"),
        ({"redirect_uri": CALLBACK + "?x=1"}, "is not one of this client"),
        ({"redirect_uri": CALLBACK + "#x"}, "is not one of this client"),
        ({"redirect_uri": "https://claude.example.com@evil.example/callback"}, "is not one of this client"),
        ({"redirect_uri": "https://claude.example.com/callback/../other"}, "is not one of this client"),
        ({"redirect_uri": "https://claude.example.com\\@evil.example/callback"}, "is not one of this client"),
        ({"redirect_uri": "javascript:alert(1)"}, "is not one of this client"),
        ({"redirect_uri": "//evil.example/callback"}, "is not one of this client"),
        ({"redirect_uri": CALLBACK + "\r\nlocation: https://evil.example"}, "is not one of this client"),
        ({"redirect_uri": None}, "the client has several"),
        ({"redirect_uri": "x" * 9000}, "redirect_uri: has more than"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
async def test_until_client_and_redirect_uri_are_known_nothing_is_sent_anywhere(
    changes: dict[str, str | None], words: str
) -> None:
    """An open redirector hands codes to whoever wrote the link."""
    stage = make_stage()

    answer = await stage.ask("GET", authorize_address(**changes))

    assert 400 == answer.status
    assert "" == answer.location
    assert 'http-equiv="refresh"' not in answer.text
    assert "evil.example" not in answer.text
    assert words in answer.text
    assert "" == answer.header(b"set-cookie")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_a_doubled_client_or_redirect_uri_is_a_page(name: str) -> None:
    """One reader would take the first, another the last."""
    stage = make_stage()
    doubled = f"{authorize_address()}&{urlencode({name: request_fields()[name]})}"
    answer = await stage.ask("GET", doubled)
    assert (400, "") == (answer.status, answer.location)
    assert f"{name}: stands more than once" in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request": "ey.ey."}, "invalid_request"),
        ({"request_uri": "https://evil.example/r"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{PUBLIC}/mcp#x"}, "invalid_target"),
        ({"resource": "https://[::1"}, "invalid_target"),
        ({"scope": "x" * 9000}, "invalid_request"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_everything_else_is_told_to_the_client(changes: dict[str, str | None], error: str) -> None:
    """The client has to stop waiting; state and our name go along (RFC 6749 section 4.1.2.1, RFC 9207)."""
    answer = await make_stage().ask("GET", authorize_address(**changes))

    assert 303 == answer.status
    assert answer.location.startswith(f"{CALLBACK}?")
    told = query_of(answer.location)
    assert (error, "st4te", PUBLIC) == (told["error"], told["state"], told["iss"])
    assert "code" not in told
    assert "no-store" == answer.header(b"cache-control")


@pytest.mark.parametrize(
    "name", ["response_type", "response_mode", "scope", "state", "code_challenge", "code_challenge_method", "resource"]
)
async def test_a_doubled_parameter_is_told_to_the_client(name: str) -> None:
    """Also when both values are the same: somebody in between may look at one of them only."""
    value = (request_fields() | {"response_mode": "query"})[name]
    given = authorize_address(response_mode="query")

    answer = await make_stage().ask("GET", f"{given}&{urlencode({name: value})}")

    error = "invalid_target" if name == "resource" else "invalid_request"
    assert error == query_of(answer.location)["error"]
    assert name in query_of(answer.location)["error_description"]


async def test_a_state_that_is_too_long_is_not_repeated() -> None:
    """It cannot be given back whole, so it is not given back at all."""
    answer = await make_stage().ask("GET", authorize_address(state="s" * (MAX_STATE_CHARS + 1)))
    assert {"error", "error_description", "iss"} == set(query_of(answer.location))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("&".join(f"p{number}=1" for number in range(65)), "more than 64 parameters"),
        ("client_id=%ff%fe", "not UTF-8"),
        ("client_id=" + "x" * 33_000, "more than 32768 bytes"),
    ],
    ids=["many", "not utf-8", "long"],
)
async def test_a_query_that_cannot_be_read_is_a_page(query: str, words: str) -> None:
    """Nothing is guessed."""
    answer = await make_stage().ask("GET", f"/oauth/authorize?{query}")
    assert 400 == answer.status
    assert words in answer.text


async def test_unknown_scopes_are_dropped_and_writing_needs_write_mode() -> None:
    """One unknown word at Gitea would widen a grant to everything; the person reads what is left."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address(scope="all admin write:repository offline_access read:issue"))
    assert "Read only." in page.text
    assert "read issues and pull requests" in page.text
    assert "change files" not in page.text


# ---- consent --------------------------------------------------------------------------------------------------------


async def test_a_consent_needs_the_browser_that_was_asked() -> None:
    """Whoever copies a form into another browser agrees to nothing (confused deputy, login CSRF)."""
    stage = make_stage()
    page = await stage.browser().get(authorize_address())
    other = stage.browser()

    without_cookie = await other.decide(page, "allow")
    await other.get(authorize_address())
    with_its_own = await other.decide(page, "allow")

    assert [400, 403] == [without_cookie.status, with_its_own.status]
    assert 0 == stage.gitea.asked


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"token": "0" * 64}, 403),
        ({"token": "\u00fc"}, 403),
        ({"token": ""}, 400),
        ({"login": "0" * 32}, 403),
        ({"login": ""}, 400),
        ({"login": "0" * 65}, 400),
        ({"decision": "perhaps"}, 400),
        ({"decision": ""}, 400),
    ],
    ids=str,
)
async def test_a_consent_needs_its_own_form(changes: dict[str, str], status: int) -> None:
    """The token is of one browser and one question."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())

    answer = await browser.post("/oauth/consent", page.fields | {"decision": "allow"} | changes)

    assert status == answer.status
    assert 'http-equiv="refresh"' not in answer.text


async def test_a_token_of_one_question_does_not_answer_another() -> None:
    """Otherwise a harmless question would agree to a harmful one."""
    browser = make_stage().browser()
    harmless = await browser.get(authorize_address())
    other = await browser.get(authorize_address(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK))
    mixed = {"login": other.fields["login"], "token": harmless.fields["token"], "decision": "allow"}
    assert 403 == (await browser.post("/oauth/consent", mixed)).status


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"https://evil.example")],
        [(b"origin", PUBLIC.encode()), (b"origin", PUBLIC.encode())],
        [(b"origin", b"null"), (b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"same-site")],
        [(b"referer", b"https://evil.example/page")],
        [(b"origin", PUBLIC.encode()), (b"referer", b"https://evil.example/")],
        [(b"origin", b"https://[::1")],
        [(b"origin", b"file://mcp.example.org")],
    ],
    ids=str,
)
async def test_a_form_from_another_site_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    """Beside the token: what the browser says must not speak against it."""
    browser = make_stage().browser()
    page = await browser.get(authorize_address())
    answer = await browser.post("/oauth/consent", page.fields | {"decision": "allow"}, *headers)
    assert 403 == answer.status
    assert "came from somewhere else" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", PUBLIC.encode()), (b"referer", f"{PUBLIC}/oauth/authorize".encode())],
        [(b"origin", b"null")],
        [(b"sec-fetch-site", b"same-origin")],
        [(b"user-agent", b"an old browser that says nothing")],
    ],
    ids=str,
)
async def test_a_form_of_ours_is_taken(headers: list[tuple[bytes, bytes]]) -> None:
    """Under our own referrer policy browsers say `null`, and old ones say nothing."""
    browser = make_stage().browser()
    page = await browser.get(authorize_address())
    assert 200 == (await browser.post("/oauth/consent", page.fields | {"decision": "allow"}, *headers)).status


async def test_a_question_is_answered_once() -> None:
    """Back and again: the second answer is told that it comes too late, whichever the first was."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    assert 200 == (await browser.decide(page, "deny")).status
    assert [400, 400] == [(await browser.decide(page, word)).status for word in ("allow", "deny")]
    assert 400 == (await browser.get(f"/oauth/consent?login={page.fields['login']}")).status


async def test_a_question_is_open_for_ten_minutes() -> None:
    """A form that was left open in the evening is not agreed to in the morning."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    stage.later(601)
    assert "more than ten minutes" in (await browser.decide(page, "allow")).text


async def test_saying_not_me_to_a_question_that_is_gone_signs_out_all_the_same() -> None:
    """Whoever says so is not to stay signed in as somebody else."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    page = await browser.get(authorize_address())
    stage.later(601)
    before = dict(browser.cookies)
    assert 400 == (await browser.decide(page, "not_me")).status
    assert before != browser.cookies
    assert "Sign in with Gitea" in (await browser.get("/oauth/connected")).text


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"a=1&" * 100], ids=["empty", "not utf-8", "many"])
async def test_a_consent_that_is_no_form_is_a_page(body: bytes) -> None:
    """A person sees a page whatever is wrong."""
    form = (b"content-type", b"application/x-www-form-urlencoded")
    answer = await make_stage().ask("POST", "/oauth/consent", form, body=body)
    assert 400 == answer.status
    assert answer.header(b"content-type").startswith("text/html")


# ---- back from Gitea ------------------------------------------------------------------------------------------------


async def test_the_way_back_is_one_browsers_and_good_once() -> None:
    """A state swapped between two browsers, or replayed, signs nobody in."""
    stage = make_stage()
    one, other = stage.browser(), stage.browser()
    onward = (await one.decide(await one.get(authorize_address()), "allow")).onward
    await other.get(authorize_address())

    stolen = await other.at_gitea(onward)
    good = await one.at_gitea(onward)
    replayed = await one.at_gitea(onward)

    assert [400, 303, 400] == [stolen.status, good.status, replayed.status]
    assert "" == stolen.header(b"set-cookie")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("code=c", 400),
        ("state=unknown&code=c", 400),
        ("state=a&state=b&code=c", 400),
        ("state=a&code=b&code=c", 400),
        ("state=a&error=b&error=c", 400),
        ("state=" + "s" * 9000, 400),
        ("", 400),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_way_back_that_nobody_began_is_a_page(query: str, status: int) -> None:
    """Nothing of it leads anywhere."""
    stage = make_stage()
    browser = stage.browser()
    await browser.get(authorize_address())
    answers = [await browser.get(f"/oauth/callback?{query}"), await stage.ask("GET", f"/oauth/callback?{query}")]
    assert [(status, "")] * 2 == [(answer.status, answer.location) for answer in answers]


async def test_an_answer_of_another_authorization_server_is_refused() -> None:
    """Mix-up: an answer that says whose it is must be Gitea's (RFC 9207)."""
    stage = make_stage()
    browser = stage.browser()
    onward = (await browser.decide(await browser.get(authorize_address()), "allow")).onward

    foreign = await browser.at_gitea(onward, code="stolen", iss="https://other.example")
    assert 400 == foreign.status
    assert "iss: is not this server" in foreign.text
    assert {} == stage.gitea.codes
    assert 303 == (await browser.at_gitea(onward, code=stage.gitea.code(), iss=GITEA)).status


@pytest.mark.parametrize(
    ("back", "error"),
    [
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "access_denied", "code": "anything"}, "access_denied"),
        ({"error": "server_error"}, "server_error"),
        ({"code": "not one of Gitea's"}, "server_error"),
        ({"nothing": "at all"}, "server_error"),
    ],
    ids=str,
)
async def test_what_gitea_refuses_is_told_to_the_client(back: dict[str, str], error: str) -> None:
    """A client that waits for ever is worse than one that can say why."""
    stage = make_stage()
    browser = stage.browser()
    onward = (await browser.decide(await browser.get(authorize_address()), "allow")).onward
    answer = await browser.at_gitea(onward, **back)
    told = query_of(answer.location)
    assert (303, error, "st4te", PUBLIC) == (answer.status, told["error"], told["state"], told["iss"])


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"code": None}, "invalid_request"),
        ({"code": "aegis_ac_" + "x" * 43}, "invalid_grant"),
        ({"code": "x" * 9000}, "invalid_request"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "v"}, "invalid_grant"),
        ({"redirect_uri": "https://claude.example.com/other?kept=1"}, "invalid_grant"),
        ({"client_id": None}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": STATIC_ID}, "invalid_client"),
        ({"client_id": STATIC_ID, "client_secret": "wrong"}, "invalid_client"),
        ({"client_id": STATIC_ID, "client_secret": STATIC_SECRET}, "invalid_grant"),
        ({"client_secret": "a public client has none"}, "invalid_client"),
        ({"client_assertion": "x"}, "invalid_request"),
        ({"resource": "nonsense"}, "invalid_target"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_wrong_exchange_has_the_error_of_the_rfc_and_costs_the_right_one_nothing(
    changes: dict[str, str | None], error: str
) -> None:
    """Whoever guesses must not use up the code of whoever it belongs to."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]

    answer = await stage.post("/oauth/token", code_fields(code, **changes))

    assert (400, error) == (answer.status, answer.json["error"])
    assert {"error", "error_description"} == set(answer.json)
    assert ("no-store", "no-cache") == (answer.header(b"cache-control"), answer.header(b"pragma"))
    assert code not in answer.text
    assert 200 == (await stage.post("/oauth/token", code_fields(code))).status


@pytest.mark.parametrize(
    "name", ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "resource"]
)
async def test_a_doubled_field_of_an_exchange_is_refused(name: str) -> None:
    """Also of the form."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    fields = code_fields(code)
    answer = await stage.post("/oauth/token", [*fields.items(), (name, fields.get(name, "s")), (name, "t")])
    error = "invalid_target" if name == "resource" else "invalid_request"
    assert (400, error) == (answer.status, answer.json["error"])


async def test_a_code_is_good_once_and_for_a_minute() -> None:
    """Its second use ends what the first began (RFC 6749 section 4.1.2)."""
    stage = make_stage()
    browser = stage.browser()
    code = query_of(await browser.sign_in())["code"]
    tokens = (await stage.post("/oauth/token", code_fields(code))).json
    again = await stage.post("/oauth/token", code_fields(code))
    assert (400, "invalid_grant") == (again.status, again.json["error"])
    dead = await stage.post("/oauth/token", REFRESH | {"refresh_token": tokens["refresh_token"]})
    assert "invalid_grant" == dead.json["error"]
    assert "oauth_reuse_detected" in {entry.fields.get("kind", entry.event) for entry in stage.trail.entries}

    late = query_of(await browser.sign_in())["code"]
    stage.later(61)
    assert "invalid_grant" == (await stage.post("/oauth/token", code_fields(late))).json["error"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"refresh_token": ""}, "invalid_request"),
        ({"refresh_token": "aegis_rt_unknown"}, "invalid_grant"),
        ({"scope": "write:repository"}, "invalid_scope"),
        ({"scope": "read:repository read:user"}, "invalid_scope"),
        ({"client_id": STATIC_ID, "client_secret": STATIC_SECRET}, "invalid_grant"),
    ],
    ids=str,
)
async def test_a_wrong_refresh_has_the_error_of_the_rfc(changes: dict[str, str], error: str) -> None:
    """Clients sign in again on invalid_grant, and on nothing else."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    token = (await stage.post("/oauth/token", code_fields(code))).json["refresh_token"]
    answer = await stage.post("/oauth/token", REFRESH | {"refresh_token": token} | changes)
    assert (400, error) == (answer.status, answer.json["error"])
    assert 200 == (await stage.post("/oauth/token", REFRESH | {"refresh_token": token})).status


@pytest.mark.parametrize(
    ("headers", "body", "error", "status"),
    [
        ([(b"content-type", b"application/json")], b"{}", "invalid_request", 400),
        ([], b"grant_type=x", "invalid_request", 400),
        ([(b"content-type", b"application/x-www-form-urlencoded")] * 2, b"", "invalid_request", 400),
        ([(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")], b"", "invalid_client", 400),
        ([(b"content-type", b"application/x-www-form-urlencoded")], b"x=%ff", "invalid_request", 400),
        ([(b"content-type", b"application/x-www-form-urlencoded")], b"x" * 70_000, "invalid_request", 413),
    ],
    ids=["json", "none", "doubled", "charset", "not utf-8", "large"],
)
async def test_the_token_endpoint_takes_a_form_and_nothing_else(
    headers: list[tuple[bytes, bytes]], body: bytes, error: str, status: int
) -> None:
    """A second way to send the same is a second way to be misread."""
    for path in ("/oauth/token", "/oauth/revoke"):
        answer = await make_stage().ask("POST", path, *headers, body=body)
        assert (status, error) == (answer.status, answer.json["error"])


@pytest.mark.parametrize(
    ("authorizations", "error", "status"),
    [
        ([b"Basic bm9ib2R5OnNlY3JldA=="], "invalid_client", 401),
        ([b"Basic !!"], "invalid_client", 401),
        ([b"Bearer x"], "invalid_client", 401),
        ([b"Basic bm9ib2R5OnNlY3JldA=="] * 2, "invalid_request", 400),
    ],
    ids=["nobody", "unreadable", "bearer", "doubled"],
)
async def test_a_client_that_came_by_header_is_challenged_by_header(
    authorizations: list[bytes], error: str, status: int
) -> None:
    """RFC 6749 section 5.2."""
    headers = [(b"authorization", value) for value in authorizations]
    answer = await make_stage().post("/oauth/token", {"grant_type": "refresh_token"}, *headers)
    assert (status, error) == (answer.status, answer.json["error"])
    assert (status == 401) == answer.header(b"www-authenticate").startswith("Basic ")


async def test_a_client_whose_document_is_away_for_a_moment_is_told_to_come_again() -> None:
    """By `invalid_client` it would throw its tokens away."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    stage.directory.static.clear()
    stage.documented.pages.clear()
    gone = "https://gone.example.com/client"
    answer = await stage.post("/oauth/token", code_fields(code, client_id=gone))
    assert (503, "temporarily_unavailable") == (answer.status, answer.json["error"])
    assert int(answer.header(b"retry-after")) > 0


# ---- revocation and registration ------------------------------------------------------------------------------------


async def test_revocation_says_nothing_about_tokens_and_ends_only_the_clients_own() -> None:
    """RFC 7009 section 2.2: whether it was known is nobody's business."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    tokens = (await stage.post("/oauth/token", code_fields(code))).json
    own = {"client_id": DOCUMENT_ID}

    unknown = await stage.post("/oauth/revoke", own | {"token": "nonsense", "token_type_hint": "odd"})
    foreign = await stage.post(
        "/oauth/revoke",
        {"client_id": STATIC_ID, "client_secret": STATIC_SECRET, "token": tokens["refresh_token"]},
    )
    assert [200, 200] == [unknown.status, foreign.status]
    assert 1 == len(await stage.rooms.grants.of_person(1))
    missing = await stage.post("/oauth/revoke", own)
    nobody = await stage.post("/oauth/revoke", {"token": "x", "client_id": "nobody"})
    assert ["invalid_request", "invalid_client"] == [missing.json["error"], nobody.json["error"]]

    assert 200 == (await stage.post("/oauth/revoke", own | {"token": tokens["refresh_token"]})).status
    assert () == await stage.rooms.grants.of_person(1)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ([], "invalid_client_metadata"),
        (None, "invalid_client_metadata"),
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://a.example/cb"}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": [1, None, {}]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)", "http://a.example/", "cursor://x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/cb"], "grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://a.example/cb"], "grant_types": 7}, "invalid_client_metadata"),
        (
            {"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "tls_client_auth"},
            "invalid_client_metadata",
        ),
        ({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": {}}, "invalid_client_metadata"),
    ],
    ids=str,
)
async def test_a_wrong_registration_has_the_error_of_the_rfc(document: object, error: str) -> None:
    """RFC 7591 section 3.2.2."""
    answer = await make_stage().register(document)
    assert (400, error) == (answer.status, answer.json["error"])
    assert answer.json["error_description"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"content-type", b"application/x-www-form-urlencoded")], b"redirect_uris=x"),
        ([], b"{}"),
        ([(b"content-type", b"application/json")], b"{"),
        ([(b"content-type", b"application/json")], b"\xff"),
        ([(b"content-type", b"application/json")], b'{"redirect_uris":[],"redirect_uris":[]}'),
        ([(b"content-type", b"application/json")], b"[" * 10_000),
    ],
    ids=["form", "none", "broken", "not utf-8", "doubled", "deep"],
)
async def test_a_registration_that_is_not_json_is_refused(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Never a fault of ours."""
    answer = await make_stage().ask("POST", "/oauth/register", *headers, body=body)
    assert (400, "invalid_client_metadata") == (answer.status, answer.json["error"])


async def test_a_registration_with_a_secret_gets_it_once() -> None:
    """Only its digest is kept."""
    stage = make_stage()
    answer = await stage.register(
        {"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_post"}
    )
    assert (201, "client_secret_post") == (answer.status, answer.json["token_endpoint_auth_method"])
    assert "no-store" == answer.header(b"cache-control")
    known = {"client_id": answer.json["client_id"], "client_secret": answer.json["client_secret"]}
    good = await stage.post("/oauth/revoke", known | {"token": "x"})
    wrong = await stage.post("/oauth/revoke", known | {"token": "x", "client_secret": "no"})
    assert [200, 400] == [good.status, wrong.status]


async def test_registrations_of_one_address_are_limited() -> None:
    """Registration needs no credential, so it must not be able to fill the store."""
    stage = make_stage()
    document = {"redirect_uris": ["https://a.example/cb"]}
    statuses = [(await stage.register(document)).status for _ in range(30)]
    refused = await stage.register(document)
    assert [201] * 30 == statuses
    assert (429, "temporarily_unavailable") == (refused.status, refused.json["error"])
    assert 0 < int(refused.header(b"retry-after")) <= 3600


async def test_what_clients_are_refused_is_recorded_with_its_reason_and_without_what_they_sent() -> None:
    """Whoever guesses codes, secrets or tokens is seen by the operator; so is whoever registers without end."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    before = len(stage.trail.entries)
    await stage.post("/oauth/token", code_fields(code, code_verifier="w" * 43))
    await stage.post("/oauth/token", code_fields(code, client_id="nobody"))
    await stage.post("/oauth/revoke", {"token": "aegis_rt_guessed"})
    await stage.register({"redirect_uris": ["http://evil.example/"]})
    refused = stage.trail.entries[before:]

    assert [
        ("access_denied", "/oauth/token", "invalid_grant"),
        ("access_denied", "/oauth/token", "invalid_client"),
        ("access_denied", "/oauth/revoke", "invalid_client"),
        ("access_denied", "/oauth/register", "invalid_redirect_uri"),
    ] == [(entry.event, entry.fields["endpoint"], entry.fields["reason"]) for entry in refused]
    for entry in refused:
        assert "192.0.2.1" == entry.fields["client_ip"]
        assert entry.fields["detail"]
        assert not any(word in str(entry.fields) for word in (code, "w" * 43, "nobody", "guessed", "evil"))


async def test_what_is_no_clients_doing_is_no_refusal() -> None:
    """A document that is away for a moment is our trouble, not a denial; a limit that was met is one."""
    stage = make_stage(calls=1)
    await stage.post("/oauth/token", code_fields("c", client_id="https://gone.example.com/client"))
    assert {} == stage.rooms.trail.statistics().refused_total
    await stage.post("/oauth/token", {})
    assert {("/oauth/token", "rate_limited"): 1} == stage.rooms.trail.statistics().refused_total
