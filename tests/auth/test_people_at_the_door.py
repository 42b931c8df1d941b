"""Tokens of people at the door: let in, or refused without a guess being counted; Gitea is asked only if it may be."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio

from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AddressBlocked, Unauthenticated
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, OwnerId, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.secret import Secret
from tests.auth.places import BODY, HERE, NOW_NS, UNKNOWN, FakeTrail, bearer, settings


@dataclass
class Judge:
    """Knows one token, and remembers whether it might have asked Gitea."""

    might_ask: list[bool] = field(default_factory=list[bool])

    def is_one(self, raw_token: str) -> bool:
        return raw_token.startswith("aegis_at_")

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:
        await trio.lowlevel.checkpoint()
        self.might_ask.append(may_ask)
        if raw_token.reveal() != "aegis_at_good":
            return None
        principal = Principal(
            id=PrincipalId("person:1"), kind=PrincipalKind.PERSON, instance=DEFAULT_INSTANCE, scopes=frozenset()
        )
        return Caller(principal=principal, gitea_token=Secret("g"), origin=origin)

    async def still_holds(self, owner: OwnerId) -> bool:
        raise AssertionError(owner)


def door(trail: FakeTrail, judge: Judge, **changes: object) -> Authenticator:
    """Return a door at which people are known."""
    return Authenticator(settings(**changes), audit=trail, clock=SetClock(NOW_NS), people=judge)


async def test_a_person_comes_in_and_is_recorded() -> None:
    """As themselves; keys go on to work beside."""
    trail, judge = FakeTrail(), Judge()
    under_test = door(trail, judge)
    caller = await under_test.authenticate(bearer("aegis_at_good"), HERE)
    await under_test.authenticate(bearer(BODY), HERE)

    assert "person:1" == caller.principal.id
    assert ["success", "success"] == [row["status"] for row in trail.named("api_authentication")]
    assert [True] == judge.might_ask


async def test_a_dead_token_is_refused_and_is_no_guess() -> None:
    """Tokens expire every hour: an assistant that comes with an old one must not block its office."""
    trail = FakeTrail()
    under_test = door(trail, Judge(), max_failures=2)
    for _ in range(5):
        with pytest.raises(Unauthenticated) as refused:
            await under_test.authenticate(bearer("aegis_at_dead"), HERE)
        assert refused.value.token_sent

    statistics = under_test.statistics()
    assert (5, 0, 0) == (statistics.expired_total, statistics.invalid_total, statistics.refused_blocked_total)
    assert {"invalid_token"} == {str(row["reason"]) for row in trail.named("access_denied")}
    assert "person:1" == (await under_test.authenticate(bearer("aegis_at_good"), HERE)).principal.id


async def test_a_blocked_address_causes_no_question_to_gitea() -> None:
    """Law 5, and law 3: what is known to be good passes."""
    judge = Judge()
    under_test = door(FakeTrail(), judge, max_failures=1)
    for _ in range(2):
        with pytest.raises((Unauthenticated, AddressBlocked)):
            await under_test.authenticate(bearer(UNKNOWN), HERE)
    caller = await under_test.authenticate(bearer("aegis_at_good"), HERE)

    assert "person:1" == caller.principal.id
    assert [False] == judge.might_ask
