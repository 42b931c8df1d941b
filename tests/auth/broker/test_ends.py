"""What an operator ends ends whole, at once, and stands in the audit log once, whoever holds the log and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.broker.ends import LOOK_AGAIN_S, OperatorEnds, record_notices, run_recorder
from aegis_trio.auth.broker.errors import OAuthRefused
from aegis_trio.auth.broker.grants import REVOKED
from aegis_trio.auth.broker.rows import GrantRow
from aegis_trio.auth.broker.tokens import TokenPair
from aegis_trio.auth.clients.client import Client, ClientKind, encode_client
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.store.interface import Put, Row, Space, Store
from tests.auth.broker.stage import ADA, BOB, CLIENT, OTHER_CLIENT, Stage, open_stage


@dataclass
class Log:
    """An audit log that may be blocked."""

    entries: list[AuditEntry] = field(default_factory=list[AuditEntry])
    blocked: bool = False

    async def append(self, entry: AuditEntry) -> int:
        await trio.lowlevel.checkpoint()
        if self.blocked:
            raise AuditUnavailable("The audit log cannot be written.")
        self.entries.append(entry)
        return len(self.entries)


def ends_of(stage: Stage) -> OperatorEnds:
    """Return the ends of an operator on *stage*."""
    return OperatorEnds(store=stage.store, clock=stage.clock, operator="root")


async def test_a_grant_ends_with_its_tokens_and_its_notice(stage: Stage) -> None:
    """One step: a crash in between would leave a token that works, or an end that nobody ever reads of."""
    pair = await stage.pair()
    [grant] = await stage.grants.of_person(ADA.uid)
    with stage.store.subscribe(REVOKED) as revoked:
        ended = await ends_of(stage).end_grant(grant.id)
        assert grant.id == revoked.receive_nowait()

    assert grant.id == (ended.id if ended is not None else None)
    assert not await stage.works(pair)
    with pytest.raises(OAuthRefused):
        await stage.refresh(pair)
    assert (0, 0) == (await stage.store.count(Space.ACCESS), await stage.store.count(Space.REFRESH))
    assert 1 == await stage.store.count(Space.NOTICE)
    assert [] == stage.trail.named("oauth_revoke")


async def test_a_notice_is_recorded_once_and_says_who_and_what(stage: Stage) -> None:
    """The second look finds nothing: one end, one record."""
    await stage.pair()
    [grant] = await stage.grants.of_person(ADA.uid)
    await ends_of(stage).end_grant(grant.id)
    log = Log()

    assert (1, 0) == (await record_notices(stage.store, log), await record_notices(stage.store, log))

    [entry] = log.entries
    notice = entry.fields["notice"]
    assert "oauth_revoke" == entry.event
    assert {
        "reason": "operator",
        "grant": grant.id,
        "principal": "person:1",
        "login": "ada",
        "client": CLIENT.id,
        "operator": "root",
        "ended_at": "2026-02-02T02:40:00.000000Z",
        "notice": notice,
    } == dict(entry.fields)
    assert 0 == await stage.store.count(Space.NOTICE)


async def test_what_has_ended_already_is_not_ended_again(quick: Stage) -> None:
    """Two administrators at once: one of them did it."""
    await quick.pair()
    [grant] = await quick.grants.of_person(ADA.uid)

    assert None is not await ends_of(quick).end_grant(grant.id)
    assert None is await ends_of(quick).end_grant(grant.id)
    assert 1 == await quick.store.count(Space.NOTICE)


async def test_others_keep_what_they_have(stage: Stage) -> None:
    """One grant is one assistant of one person."""
    await stage.pair()
    other, bobs = await stage.pair(OTHER_CLIENT), await stage.pair(OTHER_CLIENT, BOB)
    [first] = await stage.grants.of_client(CLIENT.id)

    await ends_of(stage).end_grant(first.id)

    for pair in (other, bobs):
        assert await stage.works(pair)


async def test_a_person_that_is_forgotten_signs_in_at_gitea_again(stage: Stage) -> None:
    """A browser that is still known must not be able to grant anew without Gitea's login."""
    await stage.pair()

    assert await ends_of(stage).forget_person(ADA.uid)

    assert not await stage.people.is_signed_in(ADA.uid)
    assert not await ends_of(stage).forget_person(ADA.uid)
    log = Log()
    await record_notices(stage.store, log)
    assert ["oauth_forget"] == [entry.event for entry in log.entries]


async def test_a_client_that_is_removed_is_unknown(quick: Stage) -> None:
    """It registers anew, if it may."""
    client = Client(id="aegis_client_1", kind=ClientKind.REGISTERED, name="Odd", redirect_uris=("http://localhost/",))
    await quick.store.put(Put(space=Space.CLIENT, key=client.id, value=encode_client(client)))

    assert await ends_of(quick).remove_client(client)
    assert not await ends_of(quick).remove_client(client)

    assert 0 == await quick.store.count(Space.CLIENT)
    log = Log()
    await record_notices(quick.store, log)
    assert [("oauth_unregister", "aegis_client_1", "Odd")] == [
        (entry.event, entry.fields["client"], entry.fields["client_name"]) for entry in log.entries
    ]


async def test_a_refresh_at_the_same_moment_does_not_save_a_grant(quick: Stage) -> None:
    """New tokens that were made between looking and ending go as well."""
    pair = await quick.pair()
    [grant] = await quick.grants.of_person(ADA.uid)
    made: list[TokenPair] = []

    class Late:
        """The store, with a client that comes in between."""

        def __getattr__(self, name: str) -> Any:
            return getattr(quick.store, name)

        async def find(self, space: Space, index: str) -> tuple[Row, ...]:
            rows = await quick.store.find(space, index)
            if not made:
                made.append(await quick.refresh(pair))
            return rows

    ends = OperatorEnds(store=cast("Store", Late()), clock=quick.clock, operator="root")
    assert None is not await ends.end_grant(grant.id)

    assert not await quick.works(made[0])
    assert (0, 0) == (await quick.store.count(Space.ACCESS), await quick.store.count(Space.REFRESH))
    assert 1 == await quick.store.count(Space.NOTICE)


async def test_the_recorder_writes_what_was_left_and_what_comes(autojump_clock: MockClock) -> None:
    """A gate that starts records what was ended before; one that runs records at once."""
    async with open_stage() as stage, trio.open_nursery() as nursery:
        grants = await _three_grants(stage)
        ends, log = ends_of(stage), Log()
        await ends.end_grant(grants[0].id)
        await nursery.start(run_recorder, stage.store, log)
        await wait_all_tasks_blocked()
        assert 1 == len(log.entries)
        began = trio.current_time()
        for grant in grants[1:]:
            await ends.end_grant(grant.id)
        await wait_all_tasks_blocked()

        assert [grant.id for grant in grants] == [entry.fields["grant"] for entry in log.entries]
        assert began == trio.current_time()
        nursery.cancel_scope.cancel()


async def test_a_log_that_is_blocked_loses_nothing(autojump_clock: MockClock) -> None:
    """The end counts at once, and its record comes when the disk is there again."""
    async with open_stage() as stage, trio.open_nursery() as nursery:
        grants = await _three_grants(stage)
        log = Log(blocked=True)
        await nursery.start(run_recorder, stage.store, log)
        await ends_of(stage).end_grant(grants[0].id)
        await wait_all_tasks_blocked()
        assert ([], 1) == (log.entries, await stage.store.count(Space.NOTICE))

        log.blocked = False
        await trio.sleep(2 * LOOK_AGAIN_S)

        assert [grants[0].id] == [entry.fields["grant"] for entry in log.entries]
        nursery.cancel_scope.cancel()


async def _three_grants(stage: Stage) -> list[GrantRow]:
    for _ in range(3):
        await stage.pair()
    return list(await stage.grants.of_person(ADA.uid))
