"""Limits per principal hold, take nothing when they refuse, and forget who is idle."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.toolspec import CostClass

ALICE, BOB = PrincipalId("key:alice"), PrincipalId("key:bob")


def limits(max_concurrent_calls: int = 0, calls_per_minute: int = 0) -> CallLimits:
    """Return limits that are off unless given."""
    return CallLimits(LimitSettings(max_concurrent_calls=max_concurrent_calls, calls_per_minute=calls_per_minute))


def call(under_test: CallLimits, who: PrincipalId = ALICE, cost: CostClass = CostClass.NORMAL) -> None:
    """Make one call that ends at once."""
    with under_test.admit(who, cost):
        pass


async def test_one_call_too_many_at_once_is_refused_and_the_next_is_not() -> None:
    """A slot is free again as soon as its call has ended."""
    under_test = limits(max_concurrent_calls=2)
    with under_test.admit(ALICE, CostClass.NORMAL):
        with under_test.admit(ALICE, CostClass.HEAVY):
            with (
                pytest.raises(RateLimited, match="2 calls running") as refusal,
                under_test.admit(ALICE, CostClass.CHEAP),
            ):
                pytest.fail("the call was let in")
            assert 1 == refusal.value.retry_after_s
            call(under_test, BOB)
        call(under_test)

    assert 0 == under_test.statistics().in_flight
    assert 1 == under_test.statistics().refused_concurrency_total


async def test_a_slot_comes_back_however_the_call_ends() -> None:
    """A call that fails or is cancelled must not use up its principal for ever."""
    under_test = limits(max_concurrent_calls=1)
    with pytest.raises(KeyError), under_test.admit(ALICE, CostClass.NORMAL):
        raise KeyError
    with trio.CancelScope() as scope:
        scope.cancel()
        with under_test.admit(ALICE, CostClass.NORMAL):
            await trio.sleep_forever()

    call(under_test)
    assert 3 == under_test.statistics().admitted_total


async def test_the_minute_is_counted_per_principal_and_comes_back_evenly(autojump_clock: MockClock) -> None:
    """One user's calls are no other's; and who waits as told is let in."""
    under_test = limits(calls_per_minute=60)
    for _ in range(60):
        call(under_test)
    with pytest.raises(RateLimited, match="60 calls a minute") as refusal:
        call(under_test)
    call(under_test, BOB)

    await trio.sleep(refusal.value.retry_after_s)

    call(under_test)
    with pytest.raises(RateLimited):
        call(under_test)
    assert 2 == under_test.statistics().refused_rate_total


async def test_a_call_refused_for_its_number_takes_no_cell(autojump_clock: MockClock) -> None:
    """Otherwise a client that runs too much at once would also lose its minute."""
    under_test = limits(max_concurrent_calls=1, calls_per_minute=2)
    with under_test.admit(ALICE, CostClass.NORMAL):
        for _ in range(5):
            with pytest.raises(RateLimited, match="running"):
                call(under_test)

    call(under_test)


async def test_the_dearest_call_fits_into_the_smallest_limit() -> None:
    """A limit of one call a minute still lets one call through, whatever it costs."""
    call(limits(calls_per_minute=1), cost=CostClass.HEAVY)


async def test_zero_switches_both_limits_off() -> None:
    """The operator may rely on what stands before the gate."""
    under_test = limits()
    for _ in range(5000):
        call(under_test)

    assert 5000 == under_test.statistics().admitted_total


async def test_principals_that_are_idle_are_forgotten(autojump_clock: MockClock) -> None:
    """Memory follows those who call now, not all who ever did."""
    under_test = limits(max_concurrent_calls=5, calls_per_minute=60)
    with under_test.admit(ALICE, CostClass.NORMAL):
        for number in range(500):
            call(under_test, PrincipalId(f"key:{number}"))
        assert 501 == under_test.statistics().principals
        await trio.sleep(60)
        for _ in range(600):
            with under_test.admit(BOB, CostClass.NORMAL):
                await trio.sleep(2)

        assert 2 == under_test.statistics().principals
        assert 1 == under_test.statistics().in_flight


async def test_new_settings_hold_from_the_next_call() -> None:
    """SIGHUP changes limits without ending what runs."""
    under_test = limits(max_concurrent_calls=1)
    with under_test.admit(ALICE, CostClass.NORMAL):
        under_test.replace_settings(LimitSettings(max_concurrent_calls=2, calls_per_minute=0))
        call(under_test)


@pytest.mark.parametrize("field", ["max_concurrent_calls", "calls_per_minute"])
def test_a_negative_limit_is_refused(field: str) -> None:
    """It would mean "never" to one reader and "off" to another."""
    with pytest.raises(ValueError, match=field):
        LimitSettings(**{field: -1})
