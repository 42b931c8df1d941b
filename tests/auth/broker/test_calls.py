"""From an access token of ours to the caller that it stands for, or to nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aegis_trio.auth.broker.grants import USED_STEP_S
from aegis_trio.auth.broker.rows import AccessRow, decode_row, digest, encode_row
from aegis_trio.model.errors import UpstreamUnreachable
from aegis_trio.model.identity import PrincipalKind
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import Put, Space
from tests.auth.broker.stage import ADA, BOB, HERE, MCP, OTHER_CLIENT, Stage


async def test_a_call_acts_as_the_person_with_the_tokens_scopes(stage: Stage) -> None:
    """Law 2: with the person's own token at Gitea, and the rights of this token of ours."""
    pair = await stage.refresh(await stage.pair(), scopes=("read:issue",))
    caller = await stage.calls.judge(pair.access, HERE, may_ask=True)

    assert caller is not None
    (grant,) = await stage.grants.of_person(ADA.uid)
    principal = caller.principal
    assert ("person:1", PrincipalKind.PERSON, "ada") == (principal.id, principal.kind, principal.login)
    assert (frozenset({"read:issue"}), f"grant:{grant.id}") == (principal.scopes, principal.owner)
    assert (Secret("gitea-access-1"), HERE) == (caller.gitea_token, caller.origin)


async def test_each_person_calls_as_themselves(stage: Stage) -> None:
    """One person's token is never given for another, whatever the order."""
    pairs = {1: await stage.pair(), 2: await stage.pair(OTHER_CLIENT, BOB), 3: await stage.pair()}
    callers = {number: await stage.calls.judge(pair.access, HERE, may_ask=True) for number, pair in pairs.items()}

    found = {
        number: (caller.principal.id, caller.gitea_token.reveal())
        for number, caller in callers.items()
        if caller is not None
    }
    # Ada signed in twice: the tokens of her second sign-in serve both of her grants.
    assert {
        1: ("person:1", "gitea-access-3"),
        2: ("person:2", "gitea-access-2"),
        3: ("person:1", "gitea-access-3"),
    } == found


async def test_a_token_of_another_resource_is_none(stage: Stage) -> None:
    """Token of another resource: made before our address changed, or written by a server on the same store."""
    pair = await stage.pair()
    key = digest(pair.access.reveal())
    row = await stage.store.get(Space.ACCESS, key)
    assert row is not None
    for resource, is_good in (("https://other.example/mcp", False), (MCP + "x", False), (MCP + "/sse", True)):
        access = replace(decode_row(AccessRow, row.value), resource=resource)
        await stage.store.put(Put(space=Space.ACCESS, key=key, value=encode_row(access), expires_at=row.expires_at))
        assert is_good is (await stage.calls.judge(pair.access, HERE, may_ask=True) is not None)


@pytest.mark.parametrize("which", ["refresh", "code"])
async def test_what_is_no_access_token_opens_nothing(quick: Stage, which: str) -> None:
    """A refresh token or a code in the place of an access token, as Gitea itself would let one through."""
    granted = await quick.granted()
    code = granted.code
    pair = await quick.redeem(code)
    raw = {"refresh": pair.refresh, "code": code}[which]

    assert not quick.calls.is_one(raw.reveal())
    assert await quick.calls.judge(raw, HERE, may_ask=True) is None
    assert quick.calls.is_one(pair.access.reveal())


async def test_a_person_whose_grant_at_gitea_has_ended_is_nobody(stage: Stage) -> None:
    """Law 3: like an unknown token; and it stays so."""
    pair = await stage.pair()
    stage.pass_s(3599)
    stage.upstream.dead = True

    assert await stage.calls.judge(pair.access, HERE, may_ask=True) is None
    stage.upstream.dead = False
    assert await stage.calls.judge(pair.access, HERE, may_ask=True) is None


async def test_when_gitea_is_down_the_call_fails_and_the_grant_lives(stage: Stage) -> None:
    """A fault of Gitea's is not a 401: clients would sign in again for nothing."""
    pair = await stage.pair()
    stage.pass_s(3599)
    stage.upstream.fault = UpstreamUnreachable("no")
    with pytest.raises(UpstreamUnreachable):
        await stage.calls.judge(pair.access, HERE, may_ask=True)
    stage.upstream.fault = None

    assert await stage.calls.judge(pair.access, HERE, may_ask=True) is not None


async def test_use_is_noted_now_and_then(stage: Stage) -> None:
    """Each note is a write; "last used" is exact to the minute."""
    pair = await stage.pair()
    began = stage.now_s()
    for passed, noted in ((USED_STEP_S - 1, began), (1, began + USED_STEP_S), (1, began + USED_STEP_S)):
        stage.pass_s(passed)
        await stage.calls.judge(pair.access, HERE, may_ask=True)
        (grant,) = await stage.grants.of_person(ADA.uid)
        assert noted == grant.last_used_at


async def test_a_use_of_what_ended_meanwhile_brings_nothing_back(stage: Stage) -> None:
    """A note of use is never the reason that a grant lives."""
    await stage.pair()
    (grant,) = await stage.grants.of_person(ADA.uid)
    await stage.grants.end(grant.id, "person")
    stage.pass_s(USED_STEP_S)
    await stage.grants.note_use(grant)

    assert await stage.grants.find(grant.id) is None
    assert await stage.grants.end(grant.id, "person") is None
