"""Signing in, composed: what a person is told whose token Gitea rejects in the middle of a call."""

from __future__ import annotations

from typing import cast

from aegis_trio.auth.broker.grants import principal_of
from aegis_trio.auth.jwks import RefreshTimes, SigningKeys
from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.model.errors import Fault, Unauthenticated, UpstreamBroken, UpstreamRejectedIdentity
from aegis_trio.model.identity import (
    DEFAULT_INSTANCE,
    Caller,
    Origin,
    OwnerId,
    Principal,
    PrincipalId,
    PrincipalKind,
)
from aegis_trio.model.secret import Secret
from aegis_trio.supervisor.signin import SignIn

PERSON = Principal(
    id=principal_of(7), kind=PrincipalKind.PERSON, instance=DEFAULT_INSTANCE, scopes=frozenset(), grant="g"
)
KEY = Principal(id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset())
REJECTED = UpstreamRejectedIdentity("no", "ask")


class _Judge:
    """Knows whether access goes on, or cannot know."""

    def __init__(self, *, holds: bool | Fault) -> None:
        self._holds = holds
        self.asked: list[OwnerId] = []

    def is_one(self, raw_token: str) -> bool:
        return bool(raw_token)

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:
        raise AssertionError(raw_token, origin, may_ask)

    async def still_holds(self, owner: OwnerId) -> bool:
        self.asked.append(owner)
        if isinstance(self._holds, Fault):
            raise self._holds
        return self._holds


async def _told(principal: Principal, judge: _Judge) -> Fault:
    keys = SigningKeys(RefreshTimes(min_interval_s=30.0, max_stale_s=60.0))
    signin = SignIn(judge=judge, keys=keys, oauth=cast("GiteaOAuth", None), store=None, routes={})
    caller = Caller(principal=principal, gitea_token=Secret("t"), origin=Origin(address="192.0.2.1"))
    return await signin.rejected(caller, REJECTED)


async def test_a_person_whose_access_has_ended_is_told_to_sign_in_again() -> None:
    """A fault of the gate's would leave the client trying; a token that is no longer good makes it ask the person."""
    judge = _Judge(holds=False)
    told = await _told(PERSON, judge)
    assert isinstance(told, Unauthenticated)
    assert told.token_sent
    assert [PERSON.owner] == judge.asked


async def test_whoever_is_still_let_in_is_told_what_happened() -> None:
    """One refusal of Gitea's does not end a sign-in; only Gitea's word about the person does."""
    assert REJECTED is await _told(PERSON, _Judge(holds=True))


async def test_nobody_loses_access_because_gitea_cannot_be_asked() -> None:
    """An outage is no revocation."""
    assert REJECTED is await _told(PERSON, _Judge(holds=UpstreamBroken("down")))


async def test_a_key_whose_token_is_rejected_is_the_operators_matter() -> None:
    """Nobody can sign in for it."""
    judge = _Judge(holds=False)
    assert REJECTED is await _told(KEY, judge)
    assert [] == judge.asked
