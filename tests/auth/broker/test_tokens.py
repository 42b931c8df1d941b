"""Codes are redeemed once, refresh tokens rotate, and whoever uses one twice ends the whole family."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.grants import MAX_GRANTS_OF_ONE, REVOKED
from aegis_trio.auth.broker.rows import CODE_PREFIX, decode_grant, digest
from aegis_trio.auth.broker.tokens import CODE_TTL_S, GRACE_S, USED_CODE_KEPT_S, TokenPair
from aegis_trio.auth.vault import Vault
from aegis_trio.model.errors import AuditUnavailable, Severity
from aegis_trio.store.interface import Space
from tests.auth.broker.stage import ADA, CALLBACK, CLIENT, OTHER_CLIENT, VERIFIER, Stage, open_stage, refusal


async def refused(stage: Stage, code: str, **changes: str | None) -> OAuthRefused:
    """Return how a redemption is refused."""
    with pytest.raises(OAuthRefused) as raised:
        await stage.redeem(code, **changes)
    return raised.value


async def test_a_code_gives_tokens_and_what_was_granted(stage: Stage) -> None:
    """The first exchange: an access token for the resource, narrowed to the consent, and the audit knows."""
    pair = await stage.pair()

    found = await stage.tokens.find_access(pair.access.reveal())
    assert found is not None
    access, grant = found
    assert ("read:repository", "read:issue") == pair.scopes == access.scopes == grant.scopes
    assert (3600, ADA.uid, CLIENT.id) == (pair.expires_in_s, grant.uid, grant.client_id)
    assert [(grant.id, "person:1")] == [(row["grant"], row["principal"]) for row in stage.trail.named("oauth_token")]


async def test_nothing_that_opens_a_door_stands_in_the_store(stage: Stage) -> None:
    """Whoever reads the file finds digests and sealed texts: no token, no code, nothing of Gitea's."""
    granted = await stage.granted()
    pair = await stage.redeem(granted.code)
    renewed = await stage.refresh(pair)
    secrets = [granted.code, pair.access, pair.refresh, renewed.access, renewed.refresh, granted.browser.cookie]
    texts = [secret.reveal() for secret in secrets] + ["gitea-access-1", "gitea-refresh-1"]

    rows = [row for space in Space for row in await stage.store.rows(space)]
    assert len(rows) > 5
    assert [] == [text for text in texts for row in rows if text in row.key or text.encode() in row.value]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": OTHER_CLIENT.id},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": "https://evil.example/callback"},
        {"raw_verifier": "w" * 43},
        {"raw_verifier": ""},
        {"raw_verifier": VERIFIER[:-1]},
    ],
)
async def test_a_code_of_somebody_else_opens_nothing_and_is_not_used_up(
    stage: Stage, changes: dict[str, str | None]
) -> None:
    """Authorization-code injection: a stolen code with another client, another redirect URI or another verifier.

    The right client still gets its tokens: a thief can neither use the code nor lock its owner out.
    """
    code = (await stage.granted()).code.reveal()

    assert OAuthCode.INVALID_GRANT is (await refused(stage, code, **changes)).code
    assert await stage.works(await stage.redeem(code))


async def test_a_code_needs_no_redirect_uri_when_it_is_redeemed(quick: Stage) -> None:
    """OAuth 2.1 leaves it out of the token request; the code is bound to it all the same."""
    assert await quick.works(await quick.redeem((await quick.granted()).code, redirect_uri=None))


async def test_a_code_is_good_for_a_minute(stage: Stage) -> None:
    """It travels through a browser's address line and history."""
    code = (await stage.granted()).code.reveal()
    stage.pass_s(CODE_TTL_S)

    assert OAuthCode.INVALID_GRANT is (await refused(stage, code)).code


@pytest.mark.parametrize("raw", ["", "x", CODE_PREFIX, CODE_PREFIX + "A" * 43, "\ud800", "A" * 10_000])
async def test_an_unknown_code_is_refused_like_every_other(quick: Stage, raw: str) -> None:
    """Nothing about it is told, and nothing about it breaks."""
    assert OAuthCode.INVALID_GRANT is (await refused(quick, raw)).code


async def test_a_code_that_comes_again_ends_what_its_first_use_began(stage: Stage) -> None:
    """Code reuse ends the family: one of the two who had the code is a thief, and nobody knows which."""
    code = (await stage.granted()).code.reveal()
    pair = await stage.redeem(code)
    with stage.store.subscribe(REVOKED) as told:
        assert OAuthCode.INVALID_GRANT is (await refused(stage, code)).code
        grant = stage.trail.named("oauth_token")[0]["grant"]
        assert grant == told.receive_nowait()

    assert not await stage.works(pair)
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
        await stage.refresh(pair)
    (event,) = stage.trail.named("security_event")
    assert ("oauth_reuse_detected", Severity.HIGH.value, "code", grant) == (
        event["kind"],
        event["severity"],
        event["what"],
        event["grant"],
    )


async def test_a_used_code_in_another_clients_hands_ends_nothing(stage: Stage) -> None:
    """Law 1: another client's use of a code is a use of nothing, also after the right one used it."""
    code = (await stage.granted()).code.reveal()
    pair = await stage.redeem(code)

    assert OAuthCode.INVALID_GRANT is (await refused(stage, code, client_id=OTHER_CLIENT.id)).code
    assert await stage.works(pair)


async def test_a_used_code_is_recorded_loudly_once(quick: Stage) -> None:
    """Whoever has one could otherwise fill the audit with alarms."""
    code = (await quick.granted()).code.reveal()
    await quick.redeem(code)
    for _ in range(3):
        await refused(quick, code)

    assert 1 == len(quick.trail.named("security_event"))


async def test_a_used_code_is_forgotten_in_time(quick: Stage) -> None:
    """Then it is one of the unknown, and the grant has nothing to fear from it."""
    code = (await quick.granted()).code.reveal()
    pair = await quick.redeem(code)
    quick.pass_s(USED_CODE_KEPT_S)

    await refused(quick, code)
    assert await quick.works(pair)


async def test_one_code_redeemed_by_two_at_once_serves_one_at_most(stage: Stage) -> None:
    """The store decides who was first; the second is a reuse, and ends the grant."""
    code = (await stage.granted()).code.reveal()
    pairs: list[TokenPair] = []

    async def redeem() -> None:
        try:
            pairs.append(await stage.redeem(code))
        except OAuthRefused:
            return

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(redeem)

    assert 1 >= len(pairs)
    assert [] == [pair for pair in pairs if await stage.works(pair)]


async def test_a_refresh_gives_new_tokens_and_takes_the_old_one_away(stage: Stage) -> None:
    """Rotation: of a family, one refresh token is good at a time."""
    first = await stage.pair()
    second = await stage.refresh(first)
    third = await stage.refresh(second)

    texts = {pair.refresh.reveal() for pair in (first, second, third)}
    assert 3 == len(texts)
    assert await stage.works(third)
    assert 2 == len(stage.trail.named("oauth_refresh"))


async def test_a_refresh_whose_answer_was_lost_gets_it_again(stage: Stage) -> None:
    """Refresh replay within grace: networks lose answers, and the client must not lose its grant."""
    first = await stage.pair()
    second = await stage.refresh(first)
    stage.pass_s(GRACE_S)
    again = await stage.refresh(first)

    assert (second.access, second.refresh, second.scopes) == (again.access, again.refresh, again.scopes)
    assert await stage.works(again)
    assert [] == stage.trail.named("security_event")


async def test_a_refresh_token_that_comes_late_is_stolen(stage: Stage) -> None:
    """Refresh replay after grace: the family ends, loudly, and whoever runs for it is told."""
    first = await stage.pair()
    second = await stage.refresh(first)
    stage.pass_s(GRACE_S + 1)
    grant = (await stage.grants.of_person(ADA.uid))[0]
    with stage.store.subscribe(REVOKED) as told:
        with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
            await stage.refresh(first)
        assert grant.id == told.receive_nowait()

    assert not await stage.works(second)
    with pytest.raises(OAuthRefused):
        await stage.refresh(second)
    assert ["refresh_token"] == [event["what"] for event in stage.trail.named("security_event")]
    assert ["reused_refresh_token"] == [event["reason"] for event in stage.trail.named("oauth_revoke")]


async def test_a_refresh_token_that_comes_after_its_successor_was_used_is_stolen(stage: Stage) -> None:
    """Refresh replay within grace, by a thief: the client had its answer, as it went on with it."""
    first = await stage.pair()
    second = await stage.refresh(first)
    third = await stage.refresh(second)
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
        await stage.refresh(first)

    assert not await stage.works(third)


async def test_two_refreshes_at_once_get_the_same_successor(stage: Stage) -> None:
    """Concurrent refresh: one wins, and the other is served what the winner got, as within grace."""
    first = await stage.pair()
    pairs: list[TokenPair] = []

    async def refresh() -> None:
        pairs.append(await stage.refresh(first))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(refresh)

    assert 5 == len(pairs)
    assert 1 == len({pair.refresh.reveal() for pair in pairs})
    assert 1 == len({pair.access.reveal() for pair in pairs})
    assert await stage.works(pairs[0])


async def test_a_refresh_that_meets_a_revocation_does_not_bring_the_grant_back(quick: Stage) -> None:
    """A revocation is final, in whatever order the store serves the two."""
    pair = await quick.pair()
    grant = (await quick.grants.of_person(ADA.uid))[0]
    pairs: list[TokenPair] = []
    for delay in range(8):

        async def end(steps: int = delay, grant_id: str = grant.id) -> None:
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            await quick.grants.end(grant_id, "person")

        async def refresh(raw: TokenPair = pair) -> None:
            try:
                pairs.append(await quick.refresh(raw))
            except OAuthRefused:
                return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end)
            nursery.start_soon(refresh)

        assert await quick.grants.find(grant.id) is None
        assert [] == [one for one in pairs if await quick.works(one)]
        pair = await quick.pair()
        grant = (await quick.grants.of_person(ADA.uid))[0]


async def test_a_refresh_that_meets_a_note_of_use_is_tried_again(stage: Stage) -> None:
    """Both write the grant's row; the refresh must not be lost to a timestamp."""
    pair = await stage.pair()
    grant = (await stage.grants.of_person(ADA.uid))[0]
    stage.pass_s(120)
    pairs: list[TokenPair] = []

    async def refresh() -> None:
        pairs.append(await stage.refresh(pair))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refresh)
        nursery.start_soon(stage.grants.note_use, grant)

    assert await stage.works(pairs[0])


async def test_a_refresh_that_cannot_be_recorded_can_be_repeated(stage: Stage) -> None:
    """The client sees a fault, tries again, and has lost nothing; without a record nothing is handed out."""
    pair = await stage.pair()
    stage.trail.full = True
    for _ in range(2):
        with pytest.raises(AuditUnavailable):
            await stage.refresh(pair)
    stage.trail.full = False

    assert await stage.works(await stage.refresh(pair))


async def test_a_revocation_that_cannot_be_recorded_is_done_all_the_same(stage: Stage) -> None:
    """Whoever revokes must not be held up by a full disk."""
    pair = await stage.pair()
    stage.trail.full = True
    with pytest.raises(AuditUnavailable):
        await stage.tokens.revoke(pair.access.reveal(), client_id=CLIENT.id)

    assert not await stage.works(pair)


async def test_another_clients_refresh_token_is_a_use_of_nothing(stage: Stage) -> None:
    """Law 1: neither fresh nor used does it do anything in the wrong hands, not even end the family."""
    first = await stage.pair()
    for pair in (first, await stage.refresh(first)):
        with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
            await stage.refresh(pair, OTHER_CLIENT)
    stage.pass_s(GRACE_S + 1)
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
        await stage.refresh(first, OTHER_CLIENT)

    assert [] == stage.trail.named("security_event")
    assert 1 == len(await stage.grants.of_person(ADA.uid))


async def test_scopes_are_narrowed_for_one_token_and_not_for_the_grant(quick: Stage) -> None:
    """RFC 6749 section 6: the next refresh may have all of them again."""
    narrow = await quick.refresh(await quick.pair(), scopes=("read:issue", "offline_access"))
    wide = await quick.refresh(narrow)

    assert (("read:issue",), ("read:repository", "read:issue")) == (narrow.scopes, wide.scopes)
    found = await quick.tokens.find_access(narrow.access.reveal())
    assert found is not None
    assert ("read:issue",) == found[0].scopes


@pytest.mark.parametrize("scopes", [("read:repository", "write:repository"), ("all",), (), ("offline_access",)])
async def test_a_refresh_widens_nothing(quick: Stage, scopes: tuple[str, ...]) -> None:
    """And a refused one does not use the token up."""
    pair = await quick.pair()
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_SCOPE)):
        await quick.refresh(pair, scopes=scopes)

    assert await quick.works(await quick.refresh(pair))


async def test_tokens_end_when_their_time_is_over(stage: Stage) -> None:
    """An access token within the hour, a refresh token that nobody used within thirty days, the grant with it."""
    pair = await stage.pair()
    stage.pass_s(3599)
    assert await stage.works(pair)
    stage.pass_s(1)
    assert not await stage.works(pair)
    stage.pass_s(30 * 86_400)
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
        await stage.refresh(pair)
    assert () == await stage.grants.of_person(ADA.uid)


async def test_a_grant_lives_as_long_as_it_is_refreshed(quick: Stage) -> None:
    """Whoever uses an assistant every month signs in once."""
    pair = await quick.pair()
    for _ in range(4):
        quick.pass_s(20 * 86_400)
        pair = await quick.refresh(pair)

    assert await quick.works(pair)


@pytest.mark.parametrize("which", ["access", "refresh"])
async def test_revoking_a_token_ends_its_grant(stage: Stage, which: str) -> None:
    """RFC 7009: the tokens of the same grant go with it, and whoever runs something for it is told."""
    pair = await stage.pair()
    with stage.store.subscribe(REVOKED) as told:
        await stage.tokens.revoke(getattr(pair, which).reveal(), client_id=CLIENT.id)
        heard = told.receive_nowait()

    assert not await stage.works(pair)
    assert [heard] == [row["grant"] for row in stage.trail.named("oauth_revoke")]
    with pytest.raises(OAuthRefused):
        await stage.refresh(pair)


async def test_revoking_somebody_elses_token_or_none_does_nothing(stage: Stage) -> None:
    """RFC 7009 section 2.2: and nothing is told of it."""
    pair = await stage.pair()
    for raw, client in ((pair.access.reveal(), OTHER_CLIENT), ("unknown", CLIENT), ("", CLIENT)):
        await stage.tokens.revoke(raw, client_id=client.id)

    assert await stage.works(pair)
    await stage.grants.end((await stage.grants.of_person(ADA.uid))[0].id, "person")
    await stage.tokens.revoke(pair.refresh.reveal(), client_id=CLIENT.id)
    assert 1 == len(stage.trail.named("oauth_revoke"))


async def test_a_person_has_a_few_grants_to_one_client(stage: Stage) -> None:
    """A client that signs in again and again fills nothing: its oldest grant ends."""
    pairs = []
    for _ in range(MAX_GRANTS_OF_ONE + 1):
        pairs.append(await stage.pair())
        stage.pass_s(1)
    other = await stage.pair(OTHER_CLIENT)

    works = [await stage.works(pair) for pair in pairs]
    assert [False, *[True] * MAX_GRANTS_OF_ONE] == works
    assert await stage.works(other)
    assert ["replaced"] == [row["reason"] for row in stage.trail.named("oauth_revoke")]


async def test_an_access_token_whose_grant_is_gone_is_none(quick: Stage) -> None:
    """Whatever was left behind of it in the store."""
    pair = await quick.pair()
    grant = (await quick.grants.of_person(ADA.uid))[0]
    await quick.store.delete(Space.GRANT, grant.id)

    assert await quick.store.get(Space.ACCESS, digest(pair.access.reveal())) is not None
    assert not await quick.works(pair)


async def test_an_answer_that_cannot_be_unsealed_is_not_given_again(quick: Stage) -> None:
    """After the vault's key was taken away, a replay cannot be told from a theft."""
    first = await quick.pair()
    await quick.refresh(first)
    quick.tokens._vault = Vault((b"n" * 32,))
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
        await quick.refresh(first)


@given(raw=st.text(max_size=200))
async def test_whatever_comes_as_a_token_is_refused_and_nothing_else(raw: str) -> None:
    """No text breaks the endpoint."""
    async with open_stage() as stage:
        with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_GRANT)):
            await stage.tokens.refresh(raw, client_id=CLIENT.id, raw_scopes=None)
        await stage.tokens.revoke(raw, client_id=CLIENT.id)
        assert await stage.tokens.find_access(raw) is None


async def test_the_rows_of_a_grant_are_found_by_person_and_by_client(stage: Stage) -> None:
    """For the page of connected assistants and for the command line."""
    await stage.pair()
    await stage.pair(OTHER_CLIENT)

    assert {CLIENT.id, OTHER_CLIENT.id} == {grant.client_id for grant in await stage.grants.of_person(ADA.uid)}
    (one,) = await stage.grants.of_client(CLIENT.id)
    page = await stage.grants.page()
    assert (2, ()) == (len(page), await stage.grants.page(after=page[-1].id))
    row = await stage.store.get(Space.GRANT, one.id)
    assert row is not None
    assert one == decode_grant(row.value)
