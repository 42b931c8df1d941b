"""A sign-in from beginning to end, and everybody who tries to enter it from the side."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.browsers import BROWSER_TTL_S
from aegis_trio.auth.broker.outcomes import (
    Answered,
    Arrived,
    Denied,
    GoToGitea,
    Granted,
    Lost,
    OtherGrant,
    OtherPerson,
)
from aegis_trio.auth.broker.ports import UpstreamIdentity
from aegis_trio.auth.broker.rows import digest
from aegis_trio.auth.broker.signin import LOGIN_TTL_S
from aegis_trio.auth.vault import Vault
from aegis_trio.model.errors import UpstreamUnreachable
from aegis_trio.policy.scopes import OFFLINE_ACCESS, gitea_scopes
from aegis_trio.store.interface import Space
from tests.auth.broker.stage import ADA, BOB, CALLBACK, CLIENT, HERE, OTHER_CLIENT, Stage, open_stage


def constant() -> set[str]:
    """Return the words that Gitea is asked for."""
    return set(gitea_scopes(write_mode=False))


async def test_a_whole_sign_in_gives_a_code_for_what_was_agreed(stage: Stage) -> None:
    """Asked, agreed, proved at Gitea, answered; each step is in the audit, and none holds a secret."""
    browser = await stage.browser()
    pending = await stage.begin(browser)
    assert pending == await stage.signins.find(pending.id, browser)
    gone = await stage.signins.allow(pending.id, browser, HERE)
    assert isinstance(gone, GoToGitea)
    granted = await stage.come_back(gone.address, browser)
    assert isinstance(granted, Granted)

    assert (CALLBACK, "state of the client") == (granted.login.redirect_uri, granted.login.state)
    assert (ADA.uid, "ada") == (granted.browser.uid, granted.browser.login)
    assert await stage.works(await stage.redeem(granted.code))
    assert ["asked", "agreed"] == [row["step"] for row in stage.trail.named("oauth_authorize")]
    (record,) = stage.trail.named("oauth_grant")
    assert ("person:1", "ada", CLIENT.id, HERE.address) == (
        record["principal"],
        record["login"],
        record["client"],
        record["client_ip"],
    )
    told = repr([entry.fields for entry in stage.trail.entries])
    query = parse_qs(urlsplit(gone.address).query)
    for text in (granted.code.reveal(), granted.browser.cookie.reveal(), query["state"][0], query["nonce"][0]):
        assert text not in told


async def test_nobody_is_sent_to_gitea_before_the_person_agreed(stage: Stage) -> None:
    """Confused deputy: our application has the person's trust at Gitea, and the client has none of it yet."""
    browser = await stage.browser()
    pending = await stage.begin(browser)

    assert [] == stage.upstream.asked
    assert isinstance(await stage.signins.finish(pending.id, "code", browser, HERE), Lost)
    assert isinstance(await stage.signins.deny(pending.id, browser, HERE), Denied)
    assert isinstance(await stage.signins.allow(pending.id, browser, HERE), Lost)
    assert isinstance(await stage.signins.deny(pending.id, browser, HERE), Lost)
    assert [] == stage.upstream.asked


async def test_a_consent_is_good_once(stage: Stage) -> None:
    """A form that is sent twice makes one way to Gitea."""
    browser = await stage.browser()
    pending = await stage.begin(browser)
    outcomes: list[Answered | Arrived] = []

    async def allow() -> None:
        outcomes.append(await stage.signins.allow(pending.id, browser, HERE))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(allow)

    assert 1 == sum(isinstance(outcome, GoToGitea) for outcome in outcomes)
    assert 2 == sum(isinstance(outcome, Lost) for outcome in outcomes)


async def test_another_browser_can_neither_agree_nor_refuse_nor_read(stage: Stage) -> None:
    """Law 2: the id of a sign-in is no key to it."""
    browser, other = await stage.browser(), await stage.browser()
    pending = await stage.begin(browser)

    assert await stage.signins.find(pending.id, other) is None
    assert isinstance(await stage.signins.allow(pending.id, other, HERE), Lost)
    assert isinstance(await stage.signins.deny(pending.id, other, HERE), Lost)
    assert (None, True) == ((await stage.signins.not_me(pending.id, other))[0], True)
    assert isinstance(await stage.signins.allow(pending.id, browser, HERE), GoToGitea)


async def test_a_state_of_one_browser_finishes_nothing_in_another(stage: Stage) -> None:
    """Cross-session code swap, and login CSRF: a link with the attacker's state and code, opened by the victim.

    The victim's browser would be signed in as the attacker, or the attacker's client get the victim's grant. The
    attacker's own sign-in is not even disturbed, and no code reaches Gitea.
    """
    attacker, victim = await stage.browser(), await stage.browser()
    address = await stage.to_gitea(attacker)
    state, code = stage.upstream.login(address, BOB)

    assert isinstance(await stage.signins.finish(state, code, victim, HERE), Lost)
    assert [] == stage.upstream.exchanged
    met = await stage.browsers.meet(victim.cookie.reveal())
    assert met.uid is None
    assert isinstance(await stage.signins.finish(state, code, attacker, HERE), Granted)


async def test_a_code_of_another_sign_in_is_refused_by_gitea(stage: Stage) -> None:
    """Cross-session code swap on the way back: the verifier that we keep does not fit another's code."""
    mine, theirs = await stage.browser(), await stage.browser()
    state, _ = stage.upstream.login(await stage.to_gitea(mine))
    _, code = stage.upstream.login(await stage.to_gitea(theirs), BOB)

    assert isinstance(await stage.signins.finish(state, code, mine, HERE), Denied)
    assert "code_refused_at_gitea" == stage.trail.named("oauth_authorize")[-1]["step"]
    assert [] == stage.trail.named("oauth_grant")


async def test_a_state_is_good_once_and_for_ten_minutes(stage: Stage) -> None:
    """Law 3."""
    browser = await stage.browser()
    state, code = stage.upstream.login(await stage.to_gitea(browser))
    late, late_code = stage.upstream.login(await stage.to_gitea(browser))
    granted = await stage.signins.finish(state, code, browser, HERE)
    assert isinstance(granted, Granted)
    for who in (browser, granted.browser):
        assert isinstance(await stage.signins.finish(state, code, who, HERE), Lost)

    stage.pass_s(LOGIN_TTL_S)
    assert isinstance(await stage.signins.finish(late, late_code, browser, HERE), Lost)
    assert isinstance(await stage.signins.finish("\ud800", None, browser, HERE), Lost)


async def test_two_callbacks_at_once_exchange_one_code(stage: Stage) -> None:
    """A browser that loads the page twice."""
    browser = await stage.browser()
    state, code = stage.upstream.login(await stage.to_gitea(browser))
    outcomes: list[Answered | Arrived] = []

    async def finish() -> None:
        outcomes.append(await stage.signins.finish(state, code, browser, HERE))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(finish)
        nursery.start_soon(finish)

    assert {Granted, Lost} == {type(outcome) for outcome in outcomes}
    assert [code] == stage.upstream.exchanged


async def test_signing_in_gives_the_browser_another_cookie(stage: Stage) -> None:
    """Session fixation: a cookie that an attacker planted, and knows, is nobody's after the victim signed in."""
    planted = await stage.browser()
    granted = await stage.granted(browser=planted)

    assert granted.browser.is_new
    assert granted.browser.cookie != planted.cookie
    known = await stage.browsers.meet(planted.cookie.reveal())
    assert (True, None) == (known.is_new, known.uid)
    assert ADA.uid == (await stage.browsers.meet(granted.browser.cookie.reveal())).uid


async def test_whoever_is_signed_in_agrees_without_going_to_gitea(stage: Stage) -> None:
    """The second assistant of a person needs a consent of its own, and no second login."""
    first = await stage.granted()
    pending = await stage.begin(first.browser, OTHER_CLIENT)
    granted = await stage.signins.allow(pending.id, first.browser, HERE)

    assert isinstance(granted, Granted)
    assert await stage.works(await stage.redeem(granted.code, OTHER_CLIENT))
    assert 1 == len(stage.upstream.asked)
    assert isinstance(await stage.signins.allow(pending.id, first.browser, HERE), Lost)


async def test_two_consents_at_once_of_somebody_signed_in_give_one_code(stage: Stage) -> None:
    """Single use also where no way to Gitea lies between."""
    first = await stage.granted()
    pending = await stage.begin(first.browser)
    outcomes: list[Answered | Arrived] = []

    async def allow() -> None:
        outcomes.append(await stage.signins.allow(pending.id, first.browser, HERE))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(allow)
        nursery.start_soon(allow)

    assert {Granted, Lost} == {type(outcome) for outcome in outcomes}


async def test_whoever_was_forgotten_signs_in_again(stage: Stage) -> None:
    """A browser session outlives a grant at Gitea; it grants nothing by itself."""
    first = await stage.granted()
    await stage.people.forget(ADA.uid, "operator")
    pending = await stage.begin(first.browser)

    assert isinstance(await stage.signins.allow(pending.id, first.browser, HERE), GoToGitea)


async def test_when_gitea_is_down_the_consent_can_be_given_again(stage: Stage) -> None:
    """Whether the person's tokens still work is not known; the page stays as it was."""
    first = await stage.granted()
    stage.pass_s(3600)
    pending = await stage.begin(first.browser)
    stage.upstream.fault = UpstreamUnreachable("no")
    with pytest.raises(UpstreamUnreachable):
        await stage.signins.allow(pending.id, first.browser, HERE)
    stage.upstream.fault = None

    assert isinstance(await stage.signins.allow(pending.id, first.browser, HERE), Granted)


async def test_when_gitea_is_down_on_the_way_back_nothing_is_granted(stage: Stage) -> None:
    """The client begins again."""
    browser = await stage.browser()
    state, code = stage.upstream.login(await stage.to_gitea(browser))
    stage.upstream.fault = UpstreamUnreachable("no")
    with pytest.raises(UpstreamUnreachable):
        await stage.signins.finish(state, code, browser, HERE)

    assert [] == stage.trail.named("oauth_grant")
    assert not await stage.people.is_signed_in(ADA.uid)


async def test_a_refusal_at_gitea_is_told_to_the_client(stage: Stage) -> None:
    """Gitea comes back with an error in the place of a code."""
    browser = await stage.browser()
    state, _ = stage.upstream.login(await stage.to_gitea(browser))
    outcome = await stage.signins.finish(state, None, browser, HERE)

    assert isinstance(outcome, Denied)
    assert CALLBACK == outcome.login.redirect_uri
    assert "refused_at_gitea" == stage.trail.named("oauth_authorize")[-1]["step"]


@pytest.mark.parametrize(
    "scope", ["all", "", *(" ".join(sorted(constant() - {word})) for word in sorted(constant())), "read:repository"]
)
async def test_a_grant_at_gitea_with_other_rights_grants_nothing(quick: Stage, scope: str) -> None:
    """Law 4: Gitea keeps the scope of a grant's first day silently; its tokens are not even kept."""
    browser = await quick.browser()
    other = UpstreamIdentity(uid=ADA.uid, login="ada", scope=scope)
    outcome = await quick.come_back(await quick.to_gitea(browser), browser, other)

    assert isinstance(outcome, OtherGrant)
    assert "ada" == outcome.person
    assert not await quick.people.is_signed_in(ADA.uid)
    assert (await quick.browsers.meet(browser.cookie.reveal())).uid is None
    assert "other_grant_at_gitea" == quick.trail.named("oauth_authorize")[-1]["step"]


async def test_a_grant_at_gitea_that_proves_nobody_grants_nothing(stage: Stage) -> None:
    """It was made without `openid`, and Gitea keeps it so: the person is told, and the browser is nobody's."""
    browser = await stage.browser()
    stage.upstream.proves_nobody = True
    outcome = await stage.come_back(await stage.to_gitea(browser), browser)

    assert isinstance(outcome, OtherGrant)
    assert "ada" == outcome.person
    assert not await stage.people.is_signed_in(ADA.uid)
    assert (await stage.browsers.meet(browser.cookie.reveal())).uid is None
    assert "other_grant_at_gitea" == stage.trail.named("oauth_authorize")[-1]["step"]


async def test_somebody_else_at_gitea_has_to_agree_anew(stage: Stage) -> None:
    """The page had named Ada; what she agreed to is not Bob's word."""
    first = await stage.granted()
    await stage.people.forget(ADA.uid, "operator")
    address = await stage.to_gitea(first.browser)
    outcome = await stage.come_back(address, first.browser, BOB)

    assert isinstance(outcome, OtherPerson)
    assert (BOB.uid, None) == (outcome.browser.uid, outcome.pending.login.nonce)
    assert 1 == len(stage.trail.named("oauth_grant"))
    assert await stage.signins.find(outcome.pending.id, first.browser) is None
    granted = await stage.signins.allow(outcome.pending.id, outcome.browser, HERE)
    assert isinstance(granted, Granted)
    await stage.redeem(granted.code)
    assert 1 == len(await stage.grants.of_person(BOB.uid))


async def test_not_me_signs_out_and_asks_again(stage: Stage) -> None:
    """The same question, in the same browser under another cookie, which is nobody's."""
    first = await stage.granted()
    pending = await stage.begin(first.browser)
    again, fresh = await stage.signins.not_me(pending.id, first.browser)

    assert again is not None
    assert (pending.id, None) == (again.id, fresh.uid)
    assert await stage.signins.find(pending.id, first.browser) is None
    assert (await stage.browsers.meet(first.browser.cookie.reveal())).uid is None
    assert isinstance(await stage.signins.allow(pending.id, fresh, HERE), GoToGitea)


async def test_a_verifier_that_was_moved_to_another_state_opens_nothing(quick: Stage) -> None:
    """The row was written by somebody else, or the vault's key was taken away: the sign-in ends as refused."""
    browser = await quick.browser()
    state, code = quick.upstream.login(await quick.to_gitea(browser))
    quick.signins._vault = Vault((b"n" * 32,))

    assert isinstance(await quick.signins.finish(state, code, browser, HERE), Denied)
    assert [] == quick.upstream.exchanged


async def test_a_browser_session_ends_after_half_a_day(quick: Stage) -> None:
    """With what was begun in it."""
    granted = await quick.granted()
    quick.pass_s(BROWSER_TTL_S)

    met = await quick.browsers.meet(granted.browser.cookie.reveal())
    assert (True, None) == (met.is_new, met.uid)


@given(
    scope=st.one_of(
        st.text(max_size=300),
        st.lists(
            st.sampled_from(
                ["all", "openid", "offline_access", "foo", "write:repository", "read:repository", "sudo", "admin"]
            )
        ).map(" ".join),
    )
)
async def test_whatever_a_client_asks_gitea_is_asked_for_the_constant_set(scope: str) -> None:
    """`offline_access foo` never reaches Gitea: an unknown word there widens the grant to everything.

    The broker hands over a state, a nonce and a challenge, and no word of the client's is among them.
    """
    async with open_stage() as stage:
        address = await stage.to_gitea(await stage.browser(), scope=scope or None)

        assert {"state", "nonce", "challenge"} == set(stage.upstream.asked[0])
        assert constant() == set(parse_qs(urlsplit(address).query)["scope"][0].split())
        assert not {OFFLINE_ACCESS, "all"} & constant()
        row = (await stage.store.rows(Space.LOGIN))[0]
        assert b"offline_access" not in row.value


async def test_what_a_client_sent_as_its_state_is_not_ours(quick: Stage) -> None:
    """Two states, two legs: the client's goes back to the client alone."""
    address = await quick.to_gitea(await quick.browser(), state="client-state")

    assert "client-state" not in address


async def test_a_stored_way_to_gitea_without_its_secrets_is_none(quick: Stage) -> None:
    """A row that waits for consent is not taken for one that has it, under whatever key it stands."""
    browser = await quick.browser()
    pending = await quick.begin(browser)
    await quick.signins._keep(digest("s"), replace(pending.login, nonce="n"))

    assert isinstance(await quick.signins.finish("s", "code", browser, HERE), Lost)
