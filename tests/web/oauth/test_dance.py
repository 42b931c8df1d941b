"""The whole way: from a client's request over consent and Gitea to tokens, their refresh and their end."""

from __future__ import annotations

import base64
import json

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from aegis_trio.auth.clients.proving import ASSERTION_TYPE
from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT,
    DOCUMENT_ID,
    GITEA,
    PUBLIC,
    STATIC_CALLBACK,
    STATIC_ID,
    STATIC_SECRET,
    Stage,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)


async def _tokens(stage: Stage, code: str, **changes: str | None) -> dict[str, object]:
    answer = await stage.post("/oauth/token", code_fields(code, **changes))
    assert 200 == answer.status, answer.text
    return answer.json


async def test_a_client_with_a_document_goes_the_whole_way() -> None:
    """The way of ChatGPT, Claude and VS Code: nobody registered anything."""
    stage = make_stage()
    browser = stage.browser()

    page = await browser.get(authorize_address())
    assert "how <strong>claude.example.com</strong> describes it" in page.text
    onward = (await browser.decide(page, "allow")).onward
    assert onward.startswith(f"{GITEA}/login/oauth/authorize?")
    back = await browser.at_gitea(onward)

    assert 303 == back.status
    answer = query_of(back.location)
    assert back.location.startswith(f"{CALLBACK}?")
    assert {"code", "state", "iss"} == set(answer)
    assert ("st4te", PUBLIC) == (answer["state"], answer["iss"])
    first = await _tokens(stage, answer["code"])
    assert ("Bearer", 3600, "read:repository read:issue") == (first["token_type"], first["expires_in"], first["scope"])
    assert str(first["access_token"]).startswith("aegis_at_")

    refresh = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID}
    again = await stage.post("/oauth/token", refresh | {"refresh_token": str(first["refresh_token"])})
    assert 200 == again.status
    assert again.json["refresh_token"] != first["refresh_token"]
    narrower = {"refresh_token": again.json["refresh_token"], "scope": "read:issue"}
    assert "read:issue" == (await stage.post("/oauth/token", refresh | narrower)).json["scope"]

    gone = await stage.post("/oauth/revoke", {"token": str(again.json["access_token"]), "client_id": DOCUMENT_ID})
    assert (200, {}) == (gone.status, gone.json)
    assert () == await stage.rooms.grants.of_person(1)
    assert {"oauth_authorize", "oauth_grant", "oauth_token", "oauth_refresh", "oauth_revoke"} <= set(
        stage.trail.events()
    )


async def test_a_client_that_registers_goes_the_whole_way() -> None:
    """Cursor and older clients: registered a moment ago, shown as not verified, its port free on loopback."""
    stage = make_stage()
    asked = {
        "client_name": "Editor",
        "redirect_uris": ["http://127.0.0.1/cb", "cursor://x/cb"],
        "application_type": "x",
    }
    registered = await stage.register(asked)
    assert 201 == registered.status
    assert ["http://127.0.0.1/cb"] == registered.json["redirect_uris"]
    client_id = registered.json["client_id"]
    browser = stage.browser()
    redirect_uri = "http://127.0.0.1:50123/cb"

    page = await browser.get(authorize_address(client_id=client_id, redirect_uri=redirect_uri))
    assert "anybody can choose any name" in page.text
    assert "a program on your own computer" in page.text
    ended = (await browser.at_gitea((await browser.decide(page, "allow")).onward)).location

    assert ended.startswith(f"{redirect_uri}?code=")
    await _tokens(stage, query_of(ended)["code"], client_id=client_id, redirect_uri=redirect_uri)


async def test_a_client_of_the_operator_goes_the_whole_way_with_its_secret() -> None:
    """People type our application's id and secret into their assistant."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK))
    assert "the operator of this server set it up" in page.text
    ended = (await browser.at_gitea((await browser.decide(page, "allow")).onward)).location
    fields = code_fields(query_of(ended)["code"], client_id=None, redirect_uri=STATIC_CALLBACK)

    basic = base64.b64encode(f"{STATIC_ID}:{STATIC_SECRET.replace(':', '%3A').replace(' ', '+')}".encode())
    wrong = await stage.post("/oauth/token", fields, (b"authorization", b"Basic " + base64.b64encode(b"chat:no")))
    assert (401, "invalid_client") == (wrong.status, wrong.json["error"])
    assert wrong.header(b"www-authenticate").startswith("Basic ")
    good = await stage.post("/oauth/token", fields, (b"authorization", b"Basic " + basic))

    assert 200 == good.status, good.text


async def test_a_client_with_a_key_proves_itself_once_by_each_assertion() -> None:
    """ChatGPT's way: a signed assertion for this server, which nobody can use again."""
    stage = make_stage()
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "one"}
    stage.documented.pages[DOCUMENT_ID] = DOCUMENT | {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [jwk]},
    }
    code = query_of(await stage.browser().sign_in())["code"]
    now_s = stage.clock.now_ns() // 1_000_000_000
    claims = {"iss": DOCUMENT_ID, "sub": DOCUMENT_ID, "aud": f"{PUBLIC}/oauth/token", "exp": now_s + 60, "jti": "a"}

    def form(**changes: object) -> dict[str, str]:
        assertion = jwt.encode(claims | changes, key, algorithm="ES256", headers={"kid": "one"})
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return code_fields(code, client_id=None) | proof

    elsewhere = await stage.post("/oauth/token", form(aud="https://other.example"))
    good = await stage.post("/oauth/token", form())
    replayed = await stage.post("/oauth/token", form())
    bare = await stage.post("/oauth/token", code_fields(code))

    assert [400, 200, 400, 400] == [answer.status for answer in (elsewhere, good, replayed, bare)]
    assert ["invalid_client"] * 3 == [answer.json["error"] for answer in (elsewhere, replayed, bare)]


async def test_somebody_who_is_signed_in_agrees_to_a_second_client_without_gitea() -> None:
    """One login serves all assistants; each is agreed to by itself."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    asked = stage.gitea.asked

    page = await browser.get(authorize_address(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK))
    assert "You are signed in as <strong><bdi>ann</bdi></strong>" in page.text
    onward = (await browser.decide(page, "allow")).onward

    assert onward.startswith(f"{STATIC_CALLBACK}?code=")
    assert asked == stage.gitea.asked


async def test_the_resource_of_the_token_is_the_one_that_was_asked_for() -> None:
    """A token for one endpoint is none for another, and a client that says so is told."""
    stage = make_stage()
    browser = stage.browser()
    code = query_of(await browser.sign_in(resource=f"{PUBLIC}/mcp/sse"))["code"]

    other = await stage.post("/oauth/token", code_fields(code, resource=f"{PUBLIC}/mcp"))
    stranger = await stage.post("/oauth/token", code_fields(code, resource="https://other.example/mcp"))
    assert ["invalid_target"] * 2 == [other.json["error"], stranger.json["error"]]

    tokens = await _tokens(stage, code, resource=f"{PUBLIC.upper()}/mcp/sse")
    refresh = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID, "refresh_token": str(tokens["refresh_token"])}
    wrong = await stage.post("/oauth/token", refresh | {"resource": f"{PUBLIC}/mcp"})
    assert "invalid_target" == wrong.json["error"]
    assert 200 == (await stage.post("/oauth/token", refresh | {"resource": f"{PUBLIC}/mcp/sse"})).status


async def test_refusing_sends_the_refusal_and_nothing_else() -> None:
    """The client learns it, with its state and our name; Gitea is never asked."""
    stage = make_stage()
    browser = stage.browser()

    onward = (await browser.decide(await browser.get(authorize_address()), "deny")).onward

    answer = query_of(onward)
    assert onward.startswith(f"{CALLBACK}?")
    assert ("access_denied", "st4te", PUBLIC) == (answer["error"], answer["state"], answer["iss"])
    assert "code" not in answer
    assert 0 == stage.gitea.asked


async def test_a_query_in_the_redirect_uri_is_kept() -> None:
    """RFC 6749 section 3.1.2: what stands there is the client's."""
    browser = make_stage().browser()
    ended = await browser.sign_in(redirect_uri="https://claude.example.com/other?kept=1")
    assert "1" == query_of(ended)["kept"]


async def test_somebody_else_can_take_over_before_agreeing() -> None:
    """A shared computer: "not me" signs the browser out and asks the same question again."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    before = dict(browser.cookies)

    page = await browser.get(authorize_address())
    moved = await browser.decide(page, "not_me")
    assert 303 == moved.status
    assert before != browser.cookies
    again = await browser.get(moved.location)
    assert "You are not signed in here" in again.text
    stage.gitea.uid = 2
    ended = (await browser.at_gitea((await browser.decide(again, "allow")).onward)).location

    await _tokens(stage, query_of(ended)["code"])
    assert ["bob"] == [grant.login for grant in await stage.rooms.grants.of_person(2)]


async def test_another_person_at_gitea_is_asked_again() -> None:
    """The page named ann, and bob came back from Gitea: bob has not agreed to anything yet."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    stage.later(3600)
    stage.gitea.dead = True
    page = await browser.get(authorize_address())
    onward = (await browser.decide(page, "allow")).onward
    stage.gitea.dead, stage.gitea.uid = False, 2

    back = await browser.at_gitea(onward)
    assert back.location.startswith("/oauth/consent?login=")
    again = await browser.get(back.location)
    assert "<bdi>bob</bdi>" in again.text
    onward = (await browser.decide(again, "allow")).onward

    await _tokens(stage, query_of(onward)["code"])
    assert 1 == len(await stage.rooms.grants.of_person(2))
