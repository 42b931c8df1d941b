"""In which order strangers are judged (D7): good credentials first, then addresses, and Gitea last or never."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.failures import FailureWindow
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AddressBlocked, AuditUnavailable, Fault, RateLimited, Unauthenticated
from aegis_trio.model.secret import Secret
from tests.auth.places import BODY, ELSEWHERE, HERE, NOW_NS, UNKNOWN, FakeTrail, bearer, settings
from tests.auth.test_people_at_the_door import Judge

NOTHING = RawCredentials(authorization=(), api_key_header=(), query_key=None)


def door(
    *,
    rate: int = 3,
    shadow: bool = False,
    judge: Judge | None = None,
    trail: FakeTrail | None = None,
    **changes: object,
) -> tuple[Authenticator, FakeTrail]:
    """Return a door at which an address has *rate* requests a minute without a valid credential."""
    kept = FakeTrail()
    chosen = settings(**changes)
    made = Authenticator(
        chosen,
        audit=kept,
        clock=SetClock(NOW_NS),
        failures=FailureWindow(chosen.max_failures, chosen.failure_window_s, clock_s=lambda: 0.0),
        people=judge,
        rates=AddressRates(rate, clock_s=lambda: 0.0, shadow=shadow),
    )
    return made, kept


async def refused(under_test: Authenticator, raw: RawCredentials) -> Fault:
    """Return why *raw* is refused."""
    with pytest.raises(Fault) as caught:
        await under_test.authenticate(raw, HERE)
    assert isinstance(caught.value, Fault)
    return caught.value


async def test_a_valid_key_never_counts_and_always_passes() -> None:
    """Assistants share addresses: what strangers use up there is not theirs."""
    under_test, _ = door(rate=2)
    for _ in range(10):
        await under_test.authenticate(bearer(BODY), HERE)
    assert [Unauthenticated, Unauthenticated, RateLimited, RateLimited] == [
        type(await refused(under_test, NOTHING)) for _ in range(4)
    ]
    await under_test.authenticate(bearer(BODY), HERE)
    assert 2 == under_test.statistics().refused_too_often_total


async def test_whoever_comes_too_often_is_told_how_long_to_wait() -> None:
    """429 with the limit's name and the seconds; another address is not touched."""
    under_test, trail = door(rate=1)
    await refused(under_test, NOTHING)
    fault = await refused(under_test, NOTHING)
    assert isinstance(fault, RateLimited)
    assert ("address", 60) == (fault.limit, fault.retry_after_s)
    with pytest.raises(Unauthenticated):
        await under_test.authenticate(NOTHING, ELSEWHERE)
    assert ["missing_api_key"] * 3 == [row["reason"] for row in trail.named("access_denied")]


async def test_missing_and_expired_credentials_use_requests_up_and_never_block() -> None:
    """D7: they are no attack; that there are too many of them is another matter."""
    under_test, _ = door(rate=5, max_failures=1, judge=Judge())
    for raw in (NOTHING, bearer("aegis_at_dead"), NOTHING, bearer("aegis_at_dead"), NOTHING, NOTHING):
        assert not isinstance(await refused(under_test, raw), AddressBlocked)
    assert 0 == under_test.statistics().failures.blocks_total


async def test_an_address_without_requests_left_causes_no_question_to_gitea() -> None:
    """Made-up tokens of people would otherwise be asked about without end."""
    judge = Judge()
    under_test, _ = door(rate=3, judge=judge)
    for _ in range(6):
        await refused(under_test, bearer("aegis_at_made_up"))
    assert [True, True, True, False, False, False] == judge.might_ask
    assert "person:1" == (await under_test.authenticate(bearer("aegis_at_good"), HERE)).principal.id


async def test_a_blocked_address_is_told_so_before_it_is_told_to_slow_down() -> None:
    """The block is what its owner has to know about."""
    under_test, _ = door(rate=1, max_failures=2)
    kinds = [type(await refused(under_test, bearer(UNKNOWN))) for _ in range(3)]
    assert [Unauthenticated, RateLimited, AddressBlocked] == kinds


async def test_in_shadow_nobody_is_refused_for_coming_often() -> None:
    """And Gitea goes on to be asked, as it would be without the limit."""
    judge = Judge()
    under_test, _ = door(rate=1, shadow=True, judge=judge)
    for _ in range(5):
        assert isinstance(await refused(under_test, bearer("aegis_at_made_up")), Unauthenticated)
    assert [True] * 5 == judge.might_ask


async def test_the_operators_block_holds_whatever_is_sent_and_is_recorded() -> None:
    """Who isolates an address means everybody there."""
    under_test, trail = door()
    strangers = under_test.strangers
    assert strangers.refusal_by_operator(HERE) is None
    failures = FailureWindow(5, 300, clock_s=lambda: 0.0)
    failures.blocks.add(ip_network(f"{HERE.address}/32"), for_s=60)
    blocked, trail = FailureWindow(5, 300, blocks=failures.blocks, clock_s=lambda: 0.0), FakeTrail()
    closed = Authenticator(settings(), audit=trail, clock=SetClock(NOW_NS), failures=blocked, rates=AddressRates(0))
    fault = closed.strangers.refusal_by_operator(HERE)
    assert isinstance(fault, AddressBlocked)
    assert ("This address is blocked", 60) == (fault.message, fault.retry_after_s)
    assert ["address_blocked_by_operator"] == [row["reason"] for row in trail.named("access_denied")]
    assert closed.strangers.refusal_by_operator(ELSEWHERE) is None


async def test_a_block_whose_refusal_cannot_be_recorded_is_still_a_refusal() -> None:
    """Nothing fails open because the log is full."""

    class Full:
        def append_nowait(self, entry: object) -> None:
            raise AuditUnavailable("no")

    failures = FailureWindow(5, 300, clock_s=lambda: 0.0)
    failures.blocks.add(ip_network(f"{HERE.address}/32"), for_s=60)
    closed = Authenticator(settings(), audit=Full(), clock=SetClock(NOW_NS), failures=failures)
    assert isinstance(closed.strangers.refusal_by_operator(HERE), AuditUnavailable)


def test_secrets_of_strangers_are_not_kept() -> None:
    """The room has no place for a credential: it sees verdicts and origins only."""
    under_test, _ = door()
    assert not any(isinstance(value, Secret) for value in vars(under_test.strangers).values())
