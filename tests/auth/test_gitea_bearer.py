"""Gitea's own tokens: checked by signature, then by asking, and never for longer than was promised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from trio.testing import MockClock

from aegis_trio.auth import gitea_bearer
from aegis_trio.auth.gitea_bearer import CONFIRMED_S, REFUSED_S, GiteaBearer
from aegis_trio.auth.jwks import RefreshTimes, SigningKeys
from aegis_trio.gitea.id_token import NotSigned
from aegis_trio.gitea.oauth import GiteaOAuth, Inactive, Introspection
from aegis_trio.gitea.users import CurrentUser
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import UpstreamForbade, UpstreamRejectedIdentity, UpstreamUnreachable
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import offered_scopes
from tests.auth.places import HERE
from tests.auth.signed import KEY, NOW_S, OURS, FakeOAuth, public_key, signed, signing_keys

S = 1_000_000_000
TOKEN = Secret(signed(gnt=7, tt=0))
PAT = Secret("0a" * 20)
OWNER = OwnerId("grant:gitea-7")


async def bearer(
    gitea: FakeOAuth, *, allow_pat: bool = False, keys: SigningKeys | None = None, clock: SetClock | None = None
) -> GiteaBearer:
    """Return the judge of tokens that *gitea* gives."""
    return GiteaBearer(
        cast("GiteaOAuth", gitea),
        await signing_keys() if keys is None else keys,
        SetClock(NOW_S * S) if clock is None else clock,
        audience=OURS,
        allow_pat=allow_pat,
        write_mode=False,
    )


async def test_a_token_of_gitea_calls_as_its_person_with_its_scopes() -> None:
    """No more than the grant holds, whatever the gate could give."""
    judge = await bearer(FakeOAuth())
    caller = await judge.judge(TOKEN, HERE, may_ask=True)

    assert caller is not None
    principal = caller.principal
    assert ("person:1", "ada", OWNER) == (principal.id, principal.login, principal.owner)
    assert frozenset({"read:repository"}) == principal.scopes
    assert (TOKEN, HERE) == (caller.gitea_token, caller.origin)


@pytest.mark.parametrize("raw", [signed(gnt=7, tt=1), signed(sub="1", aud=OURS), "a.b.c", TOKEN.reveal()[:-4] + "AAAA"])
async def test_a_strangers_text_costs_no_question_to_gitea(raw: str) -> None:
    """Law 1: refresh tokens, ID tokens, and what Gitea did not sign."""
    gitea = FakeOAuth()

    assert await (await bearer(gitea)).judge(Secret(raw), HERE, may_ask=True) is None
    assert [] == gitea.asked


async def test_a_token_of_another_application_is_none() -> None:
    """Confused deputy: the person never agreed to us."""
    gitea = FakeOAuth()
    assert isinstance(gitea.found, Introspection)
    gitea.found = replace(gitea.found, audience=("another",))

    assert await (await bearer(gitea)).judge(TOKEN, HERE, may_ask=True) is None


@pytest.mark.parametrize("why", ["inactive", "blocked", "revoked", "prohibited", "waiting", "somebody else"])
async def test_whom_gitea_does_not_let_in_is_nobody(why: str) -> None:
    """Introspection goes on calling a blocked person's token active; the account tells."""
    gitea = FakeOAuth()
    assert isinstance(gitea.user, CurrentUser)
    match why:
        case "inactive":
            gitea.found = Inactive()
        case "blocked":
            gitea.user = UpstreamForbade("no")
        case "revoked":
            gitea.user = UpstreamRejectedIdentity("no")
        case "prohibited":
            gitea.user = replace(gitea.user, prohibited=True)
        case "waiting":
            gitea.user = replace(gitea.user, active=False)
        case _:
            gitea.user = replace(gitea.user, uid=2)

    assert await (await bearer(gitea)).judge(TOKEN, HERE, may_ask=True) is None


async def test_what_gitea_said_counts_for_a_while(autojump_clock: MockClock) -> None:
    """Law 3: an end of access is seen within a minute, and a refusal can be mended sooner."""
    gitea = FakeOAuth()
    judge = await bearer(gitea)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None
    gitea.found = Inactive()
    await trio.sleep(CONFIRMED_S - 1)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None
    await trio.sleep(1)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is None
    assert ["introspect", "user", "introspect"] == gitea.asked
    gitea.found = FakeOAuth().found
    assert await judge.judge(TOKEN, HERE, may_ask=True) is None
    await trio.sleep(REFUSED_S)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None


async def test_whether_access_goes_on_is_asked_anew_and_counts_for_calls(autojump_clock: MockClock) -> None:
    """Streams end within a minute though calls are served from what is known, and rejected calls are told."""
    gitea = FakeOAuth()
    judge = await bearer(gitea)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None
    await trio.sleep(1)
    gitea.found = Inactive()
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(judge.still_holds, OWNER)
    assert ["introspect", "user", "introspect"] == gitea.asked
    assert await judge.judge(TOKEN, HERE, may_ask=True) is None
    assert ["introspect", "user", "introspect"] == gitea.asked


async def test_without_signing_keys_nothing_is_said_about_a_token(autojump_clock: MockClock) -> None:
    """A gate that began before Gitea must not make every client sign in again; garbage is garbage all the same."""
    judge = GiteaBearer(
        cast("GiteaOAuth", FakeOAuth()),
        SigningKeys(),
        SetClock(NOW_S * 1_000_000_000),
        audience=OURS,
        allow_pat=False,
        write_mode=False,
    )
    with pytest.raises(UpstreamUnreachable):
        await judge.judge(TOKEN, HERE, may_ask=True)

    assert await judge.judge(Secret("a.b.c"), HERE, may_ask=True) is None


@pytest.mark.parametrize("why", ["expired", "withdrawn", "replaced", "stale"])
async def test_a_token_that_is_remembered_ends_with_its_time_and_its_key(
    why: str, monkeypatch: pytest.MonkeyPatch, mock_clock: MockClock
) -> None:
    """Law 1: the signature is not verified in every call; what it stands on is looked at in every call."""
    keys, clock = await signing_keys(), SetClock(NOW_S * S)
    judge = await bearer(FakeOAuth(), keys=keys, clock=clock)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None
    monkeypatch.setattr(gitea_bearer, "read_access_claims", _not_again)
    assert await judge.judge(TOKEN, HERE, may_ask=False) is not None
    monkeypatch.undo()
    match why:
        case "expired":
            clock.set_ns((NOW_S + 3660) * S)
        case "withdrawn":
            await keys.refresh(_fetch({"keys": [{**public_key(KEY), "kid": "two"}]}))
        case "replaced":
            await keys.refresh(_fetch({"keys": [public_key(ec.generate_private_key(ec.SECP256R1()))]}))
        case _:
            keys.times = RefreshTimes(max_stale_s=1.0)
            mock_clock.jump(1.5)
            with pytest.raises(UpstreamUnreachable):
                await judge.judge(TOKEN, HERE, may_ask=True)
            return
    assert await judge.judge(TOKEN, HERE, may_ask=True) is None


async def test_a_token_that_is_remembered_outlives_a_fetch_of_the_same_keys() -> None:
    """Keys are fetched every ten minutes, and are the same nearly always."""
    keys = await signing_keys()
    judge = await bearer(FakeOAuth(), keys=keys)
    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None
    await keys.refresh(_fetch({"keys": [public_key(KEY)]}))
    assert await judge.judge(TOKEN, HERE, may_ask=False) is not None


def _not_again(*_: object, **__: object) -> NotSigned:
    raise AssertionError("the signature is verified again")


def _fetch(document: JsonObject) -> Callable[[], Awaitable[JsonObject]]:
    async def fetch() -> JsonObject:
        await trio.lowlevel.checkpoint()
        return document

    return fetch


async def test_many_callers_ask_one_question() -> None:
    """An assistant that opens twenty streams at once."""
    gitea = FakeOAuth()
    judge = await bearer(gitea)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(lambda: judge.judge(TOKEN, HERE, may_ask=True))

    assert ["introspect", "user"] == gitea.asked


async def test_a_blocked_address_asks_nothing_and_may_use_what_is_known() -> None:
    """A good credential passes a block, a new one has to wait."""
    gitea = FakeOAuth()
    judge = await bearer(gitea)
    assert await judge.judge(TOKEN, HERE, may_ask=False) is None
    assert [] == gitea.asked
    await judge.judge(TOKEN, HERE, may_ask=True)

    assert await judge.judge(TOKEN, HERE, may_ask=False) is not None


async def test_a_fault_of_gitea_is_no_refusal_and_is_not_remembered() -> None:
    """A client that hears 401 signs in again for nothing."""
    gitea = FakeOAuth(user=UpstreamUnreachable("no"))
    judge = await bearer(gitea)
    with pytest.raises(UpstreamUnreachable):
        await judge.judge(TOKEN, HERE, may_ask=True)
    gitea.user = FakeOAuth().user

    assert await judge.judge(TOKEN, HERE, may_ask=True) is not None


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_personal_access_token_counts_only_where_the_operator_says_so(*, allowed: bool) -> None:
    """Law 4."""
    assert allowed is (await bearer(FakeOAuth(), allow_pat=allowed)).is_one(PAT.reveal())


async def test_a_personal_access_token_is_its_persons() -> None:
    """Its rights are Gitea's to check, for it tells nobody which it has; it has no grant."""
    gitea = FakeOAuth()
    caller = await (await bearer(gitea, allow_pat=True)).judge(PAT, HERE, may_ask=True)

    assert caller is not None
    assert ("person:1", frozenset(offered_scopes(write_mode=False))) == (
        caller.principal.owner,
        caller.principal.scopes,
    )
    assert ["user"] == gitea.asked


async def test_nobody_holds_what_was_never_shown() -> None:
    """A start forgets who called before."""
    assert not await (await bearer(FakeOAuth())).still_holds(OWNER)
