"""One set of Gitea tokens for each person, fresh when a call needs it, and never anybody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker import people as room
from aegis_trio.auth.broker.grants import REVOKED
from aegis_trio.auth.broker.people import FRESH_FOR_S, People
from aegis_trio.auth.broker.ports import UpstreamIdentity, UpstreamTokens
from aegis_trio.auth.broker.rows import PersonRow, decode_row, encode_row, person_key
from aegis_trio.auth.vault import Vault
from aegis_trio.model.errors import AuditUnavailable, UpstreamBusy, UpstreamUnreachable
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import Put, Space
from tests.auth.broker.stage import ADA, BOB, OTHER_CLIENT, Stage, open_stage

STALE_S = 3600 - FRESH_FOR_S


async def token(stage: Stage, uid: int = ADA.uid) -> str | None:
    """Return the Gitea token of a person as text."""
    found = await stage.people.token_of(uid)
    return None if found is None else found.reveal()


async def row(stage: Stage, uid: int) -> PersonRow:
    """Return what the store holds of a person."""
    found = await stage.store.get(Space.PERSON, person_key(uid))
    assert found is not None
    return decode_row(PersonRow, found.value)


async def put(stage: Stage, uid: int, person: PersonRow) -> None:
    """Write *person* where the row of *uid* stands."""
    await stage.store.put(Put(space=Space.PERSON, key=person_key(uid), value=encode_row(person)))


async def test_a_fresh_token_is_given_without_asking_gitea(stage: Stage) -> None:
    """A call costs one request to Gitea, not two."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.pass_s(STALE_S - 1)

    assert "gitea-access-1" == await token(stage)
    assert await stage.people.is_signed_in(ADA.uid)
    assert [] == stage.upstream.refreshed


async def test_a_token_is_exchanged_before_it_expires(stage: Stage) -> None:
    """A call may last as long as the margin; what the exchange gave is kept, the refresh token with it."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    for number in (2, 3):
        stage.pass_s(STALE_S)
        assert f"gitea-access-{number}" == await token(stage)

    assert ["gitea-refresh-1", "gitea-refresh-2"] == stage.upstream.refreshed
    assert "gitea-access-3" == await token(stage)


async def test_somebody_unknown_has_no_token(stage: Stage) -> None:
    """And Gitea is not asked about them."""
    assert await token(stage, 77) is None
    assert not await stage.people.is_signed_in(77)
    assert [] == stage.upstream.refreshed


async def test_many_calls_at_once_make_one_exchange(stage: Stage) -> None:
    """Single flight: with rotation at Gitea, a second exchange of one refresh token ends the grant there."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    await stage.people.remember(BOB, stage.upstream.tokens())
    stage.pass_s(STALE_S)
    stage.upstream.hold = trio.Event()
    found: list[str | None] = []

    async def call() -> None:
        found.append(await token(stage))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(call)
        await stage.upstream.arrived.wait()
        stage.upstream.hold.set()

    assert ["gitea-access-3"] * 20 == found
    assert ["gitea-refresh-1"] == stage.upstream.refreshed


async def test_many_calls_at_once_make_one_exchange_where_tokens_live_shorter_than_the_margin(stage: Stage) -> None:
    """What one call got serves all that waited for it, and the next call exchanges again."""
    stage.upstream.lifetime_s = FRESH_FOR_S // 2
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.upstream.hold = trio.Event()
    found: list[str | None] = []

    async def call() -> None:
        found.append(await token(stage))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(call)
        await stage.upstream.arrived.wait()
        stage.upstream.hold.set()

    assert ["gitea-access-2"] * 20 == found
    assert ["gitea-refresh-1"] == stage.upstream.refreshed
    assert "gitea-access-3" == await token(stage)


async def test_what_one_call_got_serves_no_other_once_it_has_expired(stage: Stage) -> None:
    """Gitea's tokens may live for a second: whoever waited longer than that exchanges again."""
    stage.upstream.lifetime_s = 1
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.upstream.hold = trio.Event()
    found: list[str | None] = []

    async def call() -> None:
        found.append(await token(stage))
        stage.pass_s(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        nursery.start_soon(call)
        await stage.upstream.arrived.wait()
        stage.upstream.hold.set()

    assert {"gitea-access-2", "gitea-access-3"} == set(found)


async def test_one_persons_exchange_does_not_hold_up_another(quick: Stage) -> None:
    """Locks are for each person."""
    await quick.people.remember(ADA, quick.upstream.tokens())
    quick.pass_s(STALE_S)
    quick.upstream.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token, quick)
        await quick.upstream.arrived.wait()
        await quick.people.remember(BOB, quick.upstream.tokens())
        assert "gitea-access-2" == await token(quick, BOB.uid)
        quick.upstream.hold.set()


async def test_a_call_that_is_cancelled_during_the_exchange_loses_nothing(stage: Stage) -> None:
    """Gitea has made a new set by then, and the old one may be gone: whoever comes next finds the new one."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.pass_s(STALE_S)
    stage.upstream.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token, stage)
        await stage.upstream.arrived.wait()
        nursery.cancel_scope.cancel()
        stage.upstream.hold.set()

    assert "gitea-access-2" == await token(stage)
    assert ["gitea-refresh-1"] == stage.upstream.refreshed


@pytest.mark.parametrize("fault", [UpstreamUnreachable("no"), UpstreamBusy("no")], ids=["down", "busy"])
async def test_when_gitea_is_down_nothing_is_lost(stage: Stage, fault: UpstreamUnreachable | UpstreamBusy) -> None:
    """The call fails as one that Gitea did not answer; the grant and the tokens stay for the next."""
    pair = await stage.pair()
    stage.pass_s(STALE_S)
    stage.upstream.fault = fault
    with pytest.raises(type(fault)):
        await token(stage)
    stage.upstream.fault = None

    assert "gitea-access-2" == await token(stage)
    assert await stage.works(pair)


async def test_a_grant_that_gitea_ended_ends_all_of_ours(stage: Stage) -> None:
    """The person revoked our application, or was deleted: forgotten here too, and every stream of theirs is told."""
    pairs = [await stage.pair(), await stage.pair(OTHER_CLIENT)]
    bobs = await stage.pair(person=BOB)
    stage.pass_s(STALE_S)
    stage.upstream.dead = True
    mine = {grant.id for grant in await stage.grants.of_person(ADA.uid)}
    with stage.store.subscribe(REVOKED) as told:
        assert await token(stage) is None
        assert mine == {told.receive_nowait(), told.receive_nowait()}

    assert await stage.store.get(Space.PERSON, person_key(ADA.uid)) is None
    assert [False, False, True] == [await stage.works(pair) for pair in (*pairs, bobs)]
    assert {"gitea_grant_ended"} == {record["reason"] for record in stage.trail.named("oauth_revoke")}
    assert await token(stage) is None


async def test_a_call_that_is_cancelled_while_a_dead_grant_is_cleared_away_leaves_nothing_of_it(quick: Stage) -> None:
    """Else grants would stay behind that come alive again when the person signs in with another client."""
    await quick.pair()
    await quick.pair(OTHER_CLIENT)
    quick.pass_s(STALE_S)
    quick.upstream.dead = True
    quick.upstream.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token, quick)
        await quick.upstream.arrived.wait()
        nursery.cancel_scope.cancel()
        quick.upstream.hold.set()

    assert () == await quick.grants.of_person(ADA.uid)


async def test_a_dead_grant_that_cannot_be_recorded_is_cleared_away_by_the_next_call(quick: Stage) -> None:
    """The audit is full in the middle of it: what is left is neither forgotten nor alive."""
    await quick.pair()
    await quick.pair(OTHER_CLIENT)
    quick.pass_s(STALE_S)
    quick.upstream.dead = True
    quick.trail.full = True
    with pytest.raises(AuditUnavailable):
        await token(quick)
    quick.trail.full = False

    assert await token(quick) is None
    assert () == await quick.grants.of_person(ADA.uid)


async def test_signing_in_again_puts_newer_tokens_in_the_place_of_older_ones(stage: Stage) -> None:
    """Also while an exchange of the older ones is under way: the newer ones stay."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.pass_s(STALE_S)
    stage.upstream.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token, stage)
        await stage.upstream.arrived.wait()
        nursery.start_soon(
            stage.people.remember,
            ADA,
            UpstreamTokens(access=Secret("newest"), refresh=Secret("newest-refresh"), expires_in_s=3600),
        )
        stage.upstream.hold.set()

    assert "newest" == await token(stage)


async def test_another_process_that_was_faster_is_believed(stage: Stage) -> None:
    """Its set is as good, and perhaps the only one that is."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.pass_s(STALE_S)
    stage.upstream.hold = trio.Event()
    other = People(stage.store, vault=stage.vault, upstream=stage.upstream, grants=stage.grants, clock=stage.clock)
    found: list[str | None] = []

    async def call() -> None:
        found.append(await token(stage))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await stage.upstream.arrived.wait()
        theirs = UpstreamTokens(access=Secret("theirs"), refresh=Secret("theirs-refresh"), expires_in_s=3600)
        await other.remember(ADA, theirs)
        stage.upstream.hold.set()

    assert ["theirs"] == found == [await token(stage)]


async def test_a_person_who_is_forgotten_during_an_exchange_stays_forgotten(stage: Stage) -> None:
    """An administrator's word counts more than an answer that was under way."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    stage.pass_s(STALE_S)
    stage.upstream.hold = trio.Event()
    found: list[str | None] = []

    async def call() -> None:
        found.append(await token(stage))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await stage.upstream.arrived.wait()
        await stage.people.forget(ADA.uid, "operator")
        stage.upstream.hold.set()

    assert [None] == found == [await token(stage)]


@pytest.mark.parametrize("is_stale", [False, True])
async def test_a_row_that_was_put_in_anothers_place_opens_nothing(stage: Stage, *, is_stale: bool) -> None:
    """One person's token is never given for another, whatever was written into the store."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    await stage.people.remember(BOB, stage.upstream.tokens())
    await put(stage, BOB.uid, await row(stage, ADA.uid))
    if is_stale:
        stage.pass_s(STALE_S)

    assert await token(stage, BOB.uid) is None
    assert [] == stage.upstream.refreshed


@given(st.data())
async def test_no_mixture_of_two_rows_gives_a_token_of_somebody_else(data: st.DataObject) -> None:
    """The same for every exchange of fields between rows: a person gets the own token, or none."""
    async with open_stage() as stage:
        own = {ADA.uid: "gitea-access-1", BOB.uid: "gitea-access-2"}
        await stage.people.remember(ADA, stage.upstream.tokens())
        await stage.people.remember(BOB, stage.upstream.tokens())
        rows = {uid: await row(stage, uid) for uid in own}
        for uid in own:
            sources = {name: rows[data.draw(st.sampled_from(sorted(own)))] for name in ("uid", "access", "refresh")}
            sealed = data.draw(st.sampled_from(["access", "refresh"]))
            mixed = replace(
                rows[uid],
                uid=sources["uid"].uid,
                access=getattr(sources["access"], sealed),
                refresh=sources["refresh"].refresh,
            )
            await put(stage, uid, mixed)

        for uid, text in own.items():
            assert await token(stage, uid) in {text, None}


async def test_what_the_keys_of_today_do_not_open_is_not_there(stage: Stage) -> None:
    """A key was taken away without a rotation: everybody signs in again, and Gitea is asked nothing odd."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    people = People(
        stage.store, vault=Vault((b"n" * 32,)), upstream=stage.upstream, grants=stage.grants, clock=stage.clock
    )

    assert await people.token_of(ADA.uid) is None
    stage.pass_s(STALE_S)
    assert await people.token_of(ADA.uid) is None
    assert [] == stage.upstream.refreshed


async def test_after_a_rotation_of_the_vaults_keys_nobody_signs_in_again(stage: Stage) -> None:
    """The old key opens, the new one seals; when every token was exchanged once, the old one may go."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    new, old = b"n" * 32, b"k" * 32
    both, later = (
        People(stage.store, vault=Vault(keys), upstream=stage.upstream, grants=stage.grants, clock=stage.clock)
        for keys in ((new, old), (new,))
    )
    found = await both.token_of(ADA.uid)
    assert found == Secret("gitea-access-1")
    stage.pass_s(STALE_S)
    assert await both.token_of(ADA.uid) == Secret("gitea-access-2")

    assert await later.token_of(ADA.uid) == Secret("gitea-access-2")


async def test_what_older_keys_sealed_is_sealed_anew_for_everybody(stage: Stage) -> None:
    """A key that leaked has to go today, not when the last person has called once more."""
    for uid in range(1, 251):
        identity = UpstreamIdentity(uid=uid, login=f"p{uid}", scope=ADA.scope)
        await stage.people.remember(identity, stage.upstream.tokens())
    new, old = b"n" * 32, b"k" * 32
    both, later = (
        People(stage.store, vault=Vault(keys), upstream=stage.upstream, grants=stage.grants, clock=stage.clock)
        for keys in ((new, old), (new,))
    )
    before = await stage.store.get(Space.PERSON, "person:7")
    stage.pass_s(10)
    assert 250 == await both.reseal()
    assert 0 == await both.reseal()
    after = await stage.store.get(Space.PERSON, "person:7")

    assert before is not None
    assert after is not None
    kept = [decode_row(PersonRow, row.value) for row in (before, after)]
    assert (kept[0].access_expires_at, before.expires_at) == (kept[1].access_expires_at, after.expires_at)
    for uid in (1, 7, 250):
        assert await later.token_of(uid) is not None
        assert await stage.people.token_of(uid) is None
    assert [] == stage.upstream.refreshed


async def test_what_no_key_opens_stays_as_it_is(stage: Stage) -> None:
    """The key that is missing may be put back."""
    await stage.people.remember(ADA, stage.upstream.tokens())
    before = await stage.store.get(Space.PERSON, "person:1")
    other = People(
        stage.store, vault=Vault((b"x" * 32,)), upstream=stage.upstream, grants=stage.grants, clock=stage.clock
    )

    assert 0 == await other.reseal()
    assert before == await stage.store.get(Space.PERSON, "person:1")


async def test_locks_are_forgotten_though_never_one_that_is_held(quick: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many people as there are, memory is bounded; and an exchange under way stays the only one."""
    monkeypatch.setattr(room, "MAX_LOCKS", 2)
    await quick.people.remember(ADA, quick.upstream.tokens())
    quick.pass_s(STALE_S)
    quick.upstream.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token, quick)
        await quick.upstream.arrived.wait()
        for uid in range(100, 110):
            assert await token(quick, uid) is None
        assert 3 >= len(quick.people._locks)
        nursery.start_soon(token, quick)
        await trio.testing.wait_all_tasks_blocked()
        quick.upstream.hold.set()

    assert ["gitea-refresh-1"] == quick.upstream.refreshed
