"""Attack: what belongs to one browser is brought into another (login CSRF, session fixation, swapped codes)."""

from __future__ import annotations

from urllib.parse import urlencode

from aegis_trio.store.interface import Space
from tests.web.oauth.stage import (
    STATIC_CALLBACK,
    STATIC_ID,
    STATIC_SECRET,
    Visitor,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)


async def _agreed(browser: Visitor, **changes: str) -> str:
    return (await browser.decide(await browser.get(authorize_address(**changes)), "allow")).onward


async def test_an_answer_of_gitea_for_the_attacker_signs_the_victim_in_as_nobody() -> None:
    """Login CSRF: the victim's assistant would write into the attacker's account."""
    stage = make_stage()
    attacker, victim = stage.browser(), stage.browser()
    for_attacker = await _agreed(attacker)
    await _agreed(victim)
    stage.gitea.uid = 2
    answer = await victim.at_gitea(for_attacker)
    assert (400, "", "") == (answer.status, answer.location, answer.header(b"set-cookie"))
    assert (0, 0) == (await stage.store.count(Space.CODE), await stage.store.count(Space.PERSON))


async def test_a_victim_without_a_cookie_finishes_nobodys_sign_in() -> None:
    """The same for a browser that was never here."""
    stage = make_stage()
    onward = await _agreed(stage.browser())
    answer = await stage.browser().at_gitea(onward)
    assert (400, "", 0) == (answer.status, answer.location, stage.gitea.asked)


async def test_the_codes_of_two_sign_ins_at_gitea_are_not_exchanged_for_each_other() -> None:
    """Cross-session code swap: each way to Gitea has its own state, verifier and nonce, good in its own browser."""
    stage = make_stage()
    ann, bob = stage.browser(), stage.browser()
    ann_onward, bob_onward = await _agreed(ann), await _agreed(bob)
    states = [query_of(onward) for onward in (ann_onward, bob_onward)]
    for name in ("state", "nonce", "code_challenge"):
        assert states[0][name] != states[1][name]
    swapped = [await ann.at_gitea(bob_onward), await bob.at_gitea(ann_onward)]
    assert [(400, "")] * 2 == [(answer.status, answer.location) for answer in swapped]
    assert 0 == stage.gitea.asked
    right = [await ann.at_gitea(ann_onward), await bob.at_gitea(bob_onward)]
    assert [303, 303] == [answer.status for answer in right]


async def test_a_transaction_of_one_browser_cannot_be_answered_seen_or_given_up_in_another() -> None:
    """Transaction swap: ids are no secrets, and open nothing."""
    stage = make_stage()
    ann, bob = stage.browser(), stage.browser()
    page = await ann.get(authorize_address())
    bobs = await bob.get(authorize_address(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK))
    assert 400 == (await bob.get(f"/oauth/consent?{urlencode({'login': page.fields['login']})}")).status
    for decision in ("allow", "deny", "not_me"):
        for fields in (page.fields, bobs.fields | {"login": page.fields["login"]}):
            answer = await bob.post("/oauth/consent", fields | {"decision": decision})
            assert (403, "") == (answer.status, answer.location)
    assert 200 == (await ann.decide(page, "allow")).status


async def test_two_tabs_of_one_browser_each_end_where_they_began() -> None:
    """One person, two assistants at once: each gets its own code, state and rights."""
    stage = make_stage()
    browser = stage.browser()
    first = await browser.get(authorize_address(state="first", scope="read:repository"))
    second = await browser.get(
        authorize_address(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK, state="second", scope="read:issue")
    )
    second_onward = (await browser.decide(second, "allow")).onward
    first_onward = (await browser.decide(first, "allow")).onward
    one = (await browser.at_gitea(first_onward)).location
    assert "first" == query_of(one)["state"]
    # Signing in gave the browser another name; the other tab's sign-in was the old one's.
    assert 400 == (await browser.at_gitea(second_onward)).status
    tokens = (await stage.post("/oauth/token", code_fields(query_of(one)["code"]))).json
    assert "read:repository" == tokens["scope"]
    two = await browser.sign_in(client_id=STATIC_ID, redirect_uri=STATIC_CALLBACK, state="second", scope="read:issue")
    own = {"client_id": STATIC_ID, "client_secret": STATIC_SECRET, "redirect_uri": STATIC_CALLBACK}
    other = (await stage.post("/oauth/token", code_fields(query_of(two)["code"], **own))).json
    assert ("second", "read:issue") == (query_of(two)["state"], other["scope"])


async def test_a_cookie_that_was_planted_is_worth_nothing_after_the_sign_in() -> None:
    """Session fixation: the attacker knows the cookie from before, and it names nobody now."""
    stage = make_stage()
    victim = stage.browser()
    await victim.get(authorize_address())
    planted = Visitor(stage, dict(victim.cookies))
    onward = await _agreed(victim)
    assert 303 == (await victim.at_gitea(onward)).status
    assert planted.cookies != victim.cookies
    assert "Sign in with Gitea" in (await planted.get("/oauth/connected")).text


async def test_two_people_at_once_each_get_their_own() -> None:
    """Whatever the order in which their steps come."""
    stage = make_stage()
    ann, bob = stage.browser(), stage.browser()
    ann_page, bob_page = await ann.get(authorize_address()), await bob.get(authorize_address())
    bob_onward, ann_onward = (await bob.decide(bob_page, "allow")).onward, (await ann.decide(ann_page, "allow")).onward
    ann_code = stage.gitea.code()
    stage.gitea.uid = 2
    bob_back, ann_back = await bob.at_gitea(bob_onward), await ann.at_gitea(ann_onward, code=ann_code)
    people = {}
    for name, back in (("ann", ann_back), ("bob", bob_back)):
        tokens = (await stage.post("/oauth/token", code_fields(query_of(back.location)["code"]))).json
        found = await stage.rooms.tokens.find_access(tokens["access_token"])
        assert found is not None
        people[name] = found[1].login
    assert {"ann": "ann", "bob": "bob"} == people
