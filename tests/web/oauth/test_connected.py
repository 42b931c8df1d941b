"""Connected assistants: a person sees and ends their own grants, and nobody else's."""

from __future__ import annotations

import pytest

from aegis_trio.auth.broker.grants import REVOKED
from aegis_trio.auth.broker.signin import waiting_id
from aegis_trio.model.errors import UpstreamUnreachable
from tests.web.oauth.stage import (
    DOCUMENT,
    DOCUMENT_ID,
    GITEA,
    STATIC_CALLBACK,
    STATIC_ID,
    STATIC_SECRET,
    Answer,
    Stage,
    Visitor,
    code_fields,
    make_stage,
    query_of,
)
from tests.web.oauth.test_pages import check_page

PAGE = "/oauth/connected"


async def _connect(stage: Stage, browser: Visitor) -> None:
    code = query_of(await browser.sign_in())["code"]
    assert 200 == (await stage.post("/oauth/token", code_fields(code))).status


async def _sign_in(browser: Visitor) -> Answer:
    page = await browser.get(PAGE)
    onward = (await browser.post(PAGE, page.fields | {"action": "sign_in"})).onward
    assert onward.startswith(f"{GITEA}/login/oauth/authorize?")
    back = await browser.at_gitea(onward)
    assert (303, PAGE) == (back.status, back.location)
    return await browser.get(PAGE)


async def test_a_person_signs_in_sees_their_assistants_and_disconnects_one() -> None:
    """From any browser, also when the assistant itself is lost."""
    stage = make_stage()
    await _connect(stage, stage.browser())
    browser = stage.browser()

    page = await _sign_in(browser)

    check_page(page)
    assert "<bdi>Claude</bdi>" in page.text
    assert "<dd>claude.example.com</dd>" in page.text
    assert "read issues and pull requests, read repositories that you can see" in page.text
    assert '<time datetime="2026-05-28T20:26Z">2026-05-28 20:26 UTC</time>' in page.text
    with stage.store.subscribe(REVOKED) as revoked:
        gone = await browser.post(PAGE, page.fields | {"action": "revoke"})
        assert page.fields["grant"] == revoked.receive_nowait()
    assert (303, f"{PAGE}?ended=1") == (gone.status, gone.location)
    after = await browser.get(gone.location)
    check_page(after)
    assert "No assistant is connected" in after.text
    assert '<p class="note" role="status">Disconnected. It has no access any more.</p>' in after.text
    assert "oauth_revoke" in stage.trail.events()


async def test_a_program_that_registered_itself_is_said_to_be_not_verified() -> None:
    """Also here its name is its own."""
    stage = make_stage()
    redirect_uri = "http://localhost/cb"
    registered = await stage.register({"client_name": "<b>Claude</b>", "redirect_uris": [redirect_uri]})
    client_id = registered.json["client_id"]
    browser = stage.browser()
    code = query_of(await browser.sign_in(client_id=client_id, redirect_uri=redirect_uri))["code"]
    await stage.post("/oauth/token", code_fields(code, client_id=client_id, redirect_uri=redirect_uri))
    page = await browser.get(PAGE)
    check_page(page)
    assert "&lt;b&gt;Claude&lt;/b&gt;" in page.text
    assert "a program that registered itself (not verified)" in page.text


async def test_what_the_operator_set_up_is_not_called_a_stranger() -> None:
    """Its id is the operator's own word, with neither a host nor our own way to begin."""
    stage = make_stage()
    browser = stage.browser()
    code = query_of(await browser.sign_in(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK))["code"]
    fields = code_fields(code, client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK, client_secret=STATIC_SECRET)
    assert 200 == (await stage.post("/oauth/token", fields)).status
    page = await browser.get(PAGE)
    assert "<dd>set up by the operator of this server</dd>" in page.text
    assert "not verified" not in page.text


async def test_nobody_sees_or_ends_somebody_elses_grants() -> None:
    """The id of a grant stands in logs; it opens nothing."""
    stage = make_stage()
    await _connect(stage, stage.browser())
    (grant,) = await stage.rooms.grants.of_person(1)
    stage.gitea.uid = 2
    browser = stage.browser()
    page = await _sign_in(browser)

    assert "<bdi>bob</bdi>" in page.text
    assert "No assistant is connected" in page.text
    answer = await browser.post(PAGE, page.fields | {"action": "revoke", "grant": grant.id})
    assert 303 == answer.status
    assert 1 == len(await stage.rooms.grants.of_person(1))


async def test_without_signing_in_nothing_is_seen_or_ended() -> None:
    """A form of this browser is not enough."""
    stage = make_stage()
    await _connect(stage, stage.browser())
    (grant,) = await stage.rooms.grants.of_person(1)
    browser = stage.browser()
    page = await browser.get(PAGE)
    assert "Claude" not in page.text
    await browser.post(PAGE, page.fields | {"action": "revoke", "grant": grant.id})
    assert 1 == len(await stage.rooms.grants.of_person(1))


async def test_signing_out_forgets_the_browser_and_keeps_the_grants() -> None:
    """On a shared computer."""
    stage = make_stage()
    browser = stage.browser()
    await _connect(stage, browser)
    page = await browser.get(PAGE)
    before = dict(browser.cookies)
    out = await browser.post(PAGE, {"token": page.fields["token"], "action": "sign_out"})
    assert (303, PAGE) == (out.status, out.location)
    assert "Sign in with Gitea" in (await browser.get(PAGE)).text
    assert 1 == len(await stage.rooms.grants.of_person(1))
    browser.cookies = before
    assert "Sign in with Gitea" in (await browser.get(PAGE)).text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"token": "0" * 64}, 403),
        ({"action": "sing_in"}, 400),
        ({"action": ""}, 400),
        ({"action": "revoke"}, 400),
        ({"action": "revoke", "grant": "x" * 65}, 400),
    ],
    ids=str,
)
async def test_a_wrong_form_does_nothing(changes: dict[str, str], status: int) -> None:
    """Forms count with their token, and say what they mean."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(PAGE)
    answer = await browser.post(PAGE, page.fields | {"action": "sign_in"} | changes)
    assert status == answer.status
    check_page(answer)


async def test_a_form_from_elsewhere_does_nothing() -> None:
    """Another site must not sign people in, out, or disconnect them."""
    browser = make_stage().browser()
    page = await browser.get(PAGE)
    fields = page.fields | {"action": "sign_in"}
    assert 403 == (await browser.post(PAGE, fields, (b"origin", b"https://evil.example"))).status
    browser.cookies.clear()
    assert 400 == (await browser.post(PAGE, fields)).status


async def test_signing_in_here_gives_no_client_anything() -> None:
    """It is a sign-in of our own: there is no code, no grant, and no question that could be agreed to."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(PAGE)
    onward = (await browser.post(PAGE, page.fields | {"action": "sign_in"})).onward
    stage.gitea.fault = UpstreamUnreachable("no connection")

    failed = await browser.at_gitea(onward)
    assert 503 == failed.status
    assert f'href="{PAGE}"' in failed.text
    stage.gitea.fault = None
    assert 400 == (await browser.at_gitea(onward)).status
    assert "Connected assistants" in (await _sign_in(browser)).text
    assert () == await stage.rooms.grants.page()


async def test_a_sign_in_of_our_own_is_no_question() -> None:
    """Its row is found by nobody who could agree to it."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(PAGE)
    onward = (await browser.post(PAGE, page.fields | {"action": "sign_in"})).onward
    login_id = waiting_id(query_of(onward)["state"])
    assert 400 == (await browser.get(f"/oauth/consent?login={login_id}")).status


async def test_refusing_at_gitea_comes_back_here() -> None:
    """There is no client to tell."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(PAGE)
    onward = (await browser.post(PAGE, page.fields | {"action": "sign_in"})).onward
    back = await browser.at_gitea(onward, error="access_denied")
    assert f"{PAGE}?refused=1" == back.location
    again = await browser.get(back.location)
    check_page(again)
    assert "Gitea did not sign you in" in again.text


async def test_an_older_grant_at_gitea_is_explained_here_too() -> None:
    """Trying again leads back to this page."""
    stage = make_stage()
    stage.gitea.scope = "all"
    browser = stage.browser()
    page = await browser.get(PAGE)
    onward = (await browser.post(PAGE, page.fields | {"action": "sign_in"})).onward
    refused = await browser.at_gitea(onward)
    assert 409 == refused.status
    assert f'href="{PAGE}"' in refused.text


async def test_somebody_else_may_sign_in_here() -> None:
    """No consent is at stake, so nobody is asked again."""
    stage = make_stage()
    browser = stage.browser()
    await _connect(stage, browser)
    page = await browser.get(PAGE)
    await browser.post(PAGE, {"token": page.fields["token"], "action": "sign_out"})
    stage.gitea.uid = 2
    assert "<bdi>bob</bdi>" in (await _sign_in(browser)).text


async def test_access_can_be_ended_while_gitea_is_down() -> None:
    """That may be the very reason to end it."""
    stage = make_stage()
    browser = stage.browser()
    await _connect(stage, browser)
    stage.later(7200)
    stage.gitea.fault = UpstreamUnreachable("no connection")
    page = await browser.get(PAGE)
    await browser.post(PAGE, page.fields | {"action": "revoke"})
    assert () == await stage.rooms.grants.of_person(1)


async def test_several_assistants_stand_in_the_order_in_which_they_came() -> None:
    """The newest is last, and each has a button of its own."""
    stage = make_stage()
    other = "https://chat.example.org/client"
    stage.documented.pages[other] = DOCUMENT | {"client_id": other, "client_name": "Chat"}
    browser = stage.browser()
    for client_id in (DOCUMENT_ID, other):
        code = query_of(await browser.sign_in(client_id=client_id))["code"]
        await stage.post("/oauth/token", code_fields(code, client_id=client_id))
        stage.later(5)
    page = await browser.get(PAGE)
    outline = check_page(page)
    assert ["revoke", "revoke", "sign_out"] == [given["value"] for given in outline.all("button")]
    assert page.text.index("Claude") < page.text.index("Chat")
