"""Limits of calls hold, take nothing when they refuse, and forget who is idle."""

from __future__ import annotations

import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.limits.calls import CallLimits, Claim
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.limits.shadow import EVERY_S
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import DEFAULT_INSTANCE, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.toolspec import CostClass
from aegis_trio.policy.costs import CELLS
from aegis_trio.policy.quotas import LimitName, Quota

ALICE, BOB = PrincipalId("key:alice"), PrincipalId("key:bob")
OFF = LimitSettings(
    max_concurrent_calls=0, calls_per_minute=0, repository_writes_per_day=0, address_requests_per_minute=0
)


def limits(max_concurrent_calls: int = 0, calls_per_minute: int = 0, **more: object) -> CallLimits:
    """Return limits that are off unless given."""
    chosen = {"repository_writes_per_day": 0, **more}
    return CallLimits(
        LimitSettings(max_concurrent_calls=max_concurrent_calls, calls_per_minute=calls_per_minute, **chosen)  # type: ignore[arg-type] # fields by name
    )


def claim(
    who: PrincipalId = ALICE,
    cost: CostClass = CostClass.CHEAP,
    *,
    tool: str = "get_me",
    client: str | None = None,
    writes_to: str | None = None,
    rate_class: str | None = None,
) -> Claim:
    """Return what a call claims."""
    return Claim(principal_id=who, cost=cost, tool=tool, client=client, writes_to=writes_to, rate_class=rate_class)


def principal(rate_class: str | None = None) -> Principal:
    """Return Alice, with a key of that class."""
    return Principal(
        id=ALICE,
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset(),
        bounds=KeyBounds(rate_class=rate_class),
    )


def call(under_test: CallLimits, made: Claim | None = None) -> None:
    """Make one call that ends at once."""
    with under_test.admit(made or claim()):
        pass


def refusal(under_test: CallLimits, made: Claim | None = None) -> RateLimited:
    """Make a call that must be refused, and return why."""
    with pytest.raises(RateLimited) as refused:
        call(under_test, made)
    return refused.value


async def test_one_call_too_many_at_once_is_refused_and_the_next_is_not() -> None:
    """A slot is free again as soon as its call has ended."""
    under_test = limits(max_concurrent_calls=2)
    with under_test.admit(claim()):
        with under_test.admit(claim(cost=CostClass.HEAVY)):
            refused = refusal(under_test)
            assert "2 calls running" in refused.message
            assert (1, "concurrency") == (refused.retry_after_s, refused.limit)
            call(under_test, claim(BOB))
            assert {("concurrency",): 1} == under_test.statistics().refused_total
        call(under_test)

    assert 0 == under_test.statistics().in_flight
    assert 0 == under_test.statistics().principals_in_flight


async def test_a_slot_comes_back_however_the_call_ends() -> None:
    """A call that fails or is cancelled must not use up its principal for ever."""
    under_test = limits(max_concurrent_calls=1)
    with pytest.raises(KeyError), under_test.admit(claim()):
        raise KeyError
    with trio.CancelScope() as scope:
        scope.cancel()
        with under_test.admit(claim()):
            await trio.sleep_forever()

    call(under_test)
    assert 3 == under_test.statistics().admitted_total


async def test_the_minute_is_counted_per_principal_and_comes_back_evenly(autojump_clock: MockClock) -> None:
    """One user's calls are no other's; and who waits as told is let in."""
    under_test = limits(calls_per_minute=60)
    for _ in range(60):
        call(under_test)
    refused = refusal(under_test)
    assert "60 calls a minute" in refused.message
    assert f"Try again in {refused.retry_after_s} s." == refused.remedy
    call(under_test, claim(BOB))

    await trio.sleep(refused.retry_after_s)

    call(under_test)
    refusal(under_test)
    assert {("principal",): 2} == under_test.statistics().refused_total


@pytest.mark.parametrize("cost", list(CostClass))
async def test_a_dear_tool_takes_more_of_the_minute(cost: CostClass) -> None:
    """A caller that walks trees takes from Gitea what five callers of an index do."""
    under_test = limits(calls_per_minute=60)
    for _ in range(60 // CELLS[cost]):
        call(under_test, claim(cost=cost))
    refusal(under_test, claim(cost=cost))


async def test_a_call_refused_for_its_number_takes_no_cell(autojump_clock: MockClock) -> None:
    """Otherwise a client that runs too much at once would also lose its minute."""
    under_test = limits(max_concurrent_calls=1, calls_per_minute=2)
    with under_test.admit(claim()):
        for _ in range(5):
            assert "concurrency" == refusal(under_test).limit

    call(under_test)


async def test_what_one_limit_refuses_takes_nothing_of_the_others() -> None:
    """A tool that is used up must not use up everything else of its caller."""
    under_test = limits(calls_per_minute=10, tool_calls_per_minute={"search": 1})
    call(under_test, claim(tool="search"))
    for _ in range(20):
        assert "tool" == refusal(under_test, claim(tool="search")).limit
    for _ in range(9):
        call(under_test)
    assert "principal" == refusal(under_test).limit


async def test_the_dearest_call_fits_into_the_smallest_limit() -> None:
    """A limit of one call a minute still lets one call through, whatever it costs."""
    call(limits(calls_per_minute=1), claim(cost=CostClass.HEAVY))


async def test_zero_switches_the_limits_off() -> None:
    """The operator may rely on what stands before the gate."""
    under_test = CallLimits(OFF)
    for _ in range(5000):
        call(under_test, claim(client="c", writes_to="main/acme/backend"))

    assert 5000 == under_test.statistics().admitted_total
    assert 0 == under_test.statistics().buckets


async def test_one_client_leaves_something_for_the_others_of_its_person() -> None:
    """An assistant gone wild is one of several that a person has."""
    under_test = limits(calls_per_minute=10, client_calls_per_minute=4)
    for _ in range(4):
        call(under_test, claim(client="wild"))
    assert "client" == refusal(under_test, claim(client="wild")).limit
    call(under_test, claim(client="calm"))
    call(under_test, claim(BOB, client="wild"))


async def test_a_client_that_renames_itself_is_held_by_its_principal() -> None:
    """What a client calls itself is its own word."""
    under_test = limits(calls_per_minute=10, client_calls_per_minute=4)
    for number in range(10):
        call(under_test, claim(client=f"name-{number}"))
    assert "principal" == refusal(under_test, claim(client="name-10")).limit


async def test_writes_to_a_repository_are_counted_by_the_day_whoever_makes_them(autojump_clock: MockClock) -> None:
    """A repository is what a runaway assistant ruins, and it does not matter with which key."""
    under_test = limits(repository_writes_per_day=24)
    for number in range(24):
        call(under_test, claim(ALICE if number % 2 else BOB, writes_to="main/acme/backend"))
    refused = refusal(under_test, claim(writes_to="main/acme/backend"))
    assert ("repository", 3600) == (refused.limit, refused.retry_after_s)
    call(under_test, claim(writes_to="main/acme/other"))
    call(under_test)
    await trio.sleep(3600)
    call(under_test, claim(writes_to="main/acme/backend"))


async def test_a_limit_in_shadow_refuses_nothing_and_is_counted_and_logged(autojump_clock: MockClock) -> None:
    """An operator tries a limit before it bites; the log has a line a minute, not one for every call."""
    under_test = limits(max_concurrent_calls=1, calls_per_minute=2, shadow=frozenset(LimitName))
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            call(under_test)
        with under_test.admit(claim()):
            call(under_test)
        await trio.sleep(EVERY_S)
    assert [("principal", ALICE), ("concurrency", ALICE)] == [(line["limit"], line["subject"]) for line in logs]
    assert {("principal",): 5, ("concurrency",): 1} == under_test.statistics().would_refuse_total
    assert {} == under_test.statistics().refused_total
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            call(under_test)
    assert 1 == len(logs)


async def test_only_the_limits_named_are_in_shadow() -> None:
    """Trying one limit must not open another."""
    under_test = limits(max_concurrent_calls=1, calls_per_minute=1, shadow=frozenset({LimitName.PRINCIPAL}))
    for _ in range(3):
        call(under_test)
    with under_test.admit(claim()):
        assert "concurrency" == refusal(under_test).limit


async def test_nearness_is_counted_from_four_fifths_on() -> None:
    """A dashboard shows who is about to be refused, before they are."""
    under_test = limits(calls_per_minute=10)
    for _ in range(8):
        call(under_test)
    assert {} == under_test.statistics().near_limit_total
    for _ in range(2):
        call(under_test)
    assert {("principal",): 2} == under_test.statistics().near_limit_total


async def test_a_quota_says_what_is_left(autojump_clock: MockClock) -> None:
    """A client that reads it never has to be refused."""
    under_test = limits(calls_per_minute=60)
    assert (Quota(name=LimitName.PRINCIPAL, quota=60, window_s=60, remaining=60, reset_s=0),) == under_test.quotas(
        principal()
    )
    for _ in range(30):
        call(under_test)
    assert (30, 30) == (under_test.quotas(principal())[0].remaining, under_test.quotas(principal())[0].reset_s)
    await trio.sleep(10)
    assert (40, 20) == (under_test.quotas(principal())[0].remaining, under_test.quotas(principal())[0].reset_s)
    assert () == CallLimits(OFF).quotas(principal())


async def test_a_key_of_a_class_has_the_limit_of_its_class() -> None:
    """A build server may do more than a guest; a class that nobody defined gives nothing."""
    under_test = limits(calls_per_minute=2, rate_classes={"ci": 5, "free": 0})
    for _ in range(5):
        call(under_test, claim(rate_class="ci"))
    assert "5 calls a minute" in refusal(under_test, claim(rate_class="ci")).message
    for _ in range(50):
        call(under_test, claim(rate_class="free"))
    for _ in range(2):
        call(under_test, claim(BOB, rate_class="unheard-of"))
    refusal(under_test, claim(BOB, rate_class="unheard-of"))
    assert [5, None, 2] == [
        quotas[0].quota if quotas else None
        for quotas in (under_test.quotas(principal(name)) for name in ("ci", "free", "unheard-of"))
    ]


async def test_what_is_idle_is_forgotten(autojump_clock: MockClock) -> None:
    """Memory follows those who call now, not all who ever did."""
    under_test = limits(max_concurrent_calls=5, calls_per_minute=60)
    with under_test.admit(claim()):
        for number in range(500):
            call(under_test, claim(PrincipalId(f"key:{number}")))
        assert 501 == under_test.statistics().buckets
        await trio.sleep(60)
        for _ in range(600):
            with under_test.admit(claim(BOB)):
                await trio.sleep(2)

        assert 1 == under_test.statistics().buckets
        assert 1 == under_test.statistics().in_flight
        assert 0 == under_test.statistics().forgotten_total


async def test_memory_is_bounded_also_when_nothing_is_idle() -> None:
    """A client may call itself by a thousand names; that gives it nothing and takes no more room."""
    under_test = CallLimits(
        LimitSettings(calls_per_minute=100_000, client_calls_per_minute=100), max_buckets=50, clock_s=lambda: 1.0
    )
    for number in range(1000):
        call(under_test, claim(client=f"name-{number}"))
    assert 50 >= under_test.statistics().buckets
    assert 900 < under_test.statistics().forgotten_total


async def test_new_settings_hold_from_the_next_call() -> None:
    """SIGHUP changes limits without ending what runs, and gives nobody their minute back."""
    under_test = limits(max_concurrent_calls=1, calls_per_minute=3)
    with under_test.admit(claim()):
        under_test.replace_settings(LimitSettings(max_concurrent_calls=2, calls_per_minute=3))
        call(under_test)
        call(under_test)
    assert "principal" == refusal(under_test).limit


async def test_a_raised_limit_is_of_use_at_once_and_a_lowered_one_too(autojump_clock: MockClock) -> None:
    """What was taken counts cell for cell: nobody waits for a minute that is no longer theirs."""
    under_test = limits(calls_per_minute=3, tool_calls_per_minute={"search": 1})
    for _ in range(3):
        call(under_test)
    refusal(under_test)
    under_test.replace_settings(LimitSettings(calls_per_minute=10))
    for _ in range(7):
        call(under_test, claim(tool="search"))
    refusal(under_test)
    await trio.sleep(30)
    under_test.replace_settings(LimitSettings(calls_per_minute=4))
    assert 0 == under_test.quotas(principal())[0].remaining
    under_test.replace_settings(LimitSettings(calls_per_minute=0))
    call(under_test)
    assert 0 == under_test.statistics().buckets


@pytest.mark.parametrize(
    "field",
    [
        "max_concurrent_calls",
        "calls_per_minute",
        "client_calls_per_minute",
        "repository_writes_per_day",
        "address_requests_per_minute",
    ],
)
def test_a_negative_limit_is_refused(field: str) -> None:
    """It would mean "never" to one reader and "off" to another."""
    with pytest.raises(ValueError, match=field):
        LimitSettings(**{field: -1})  # type: ignore[arg-type] # a field by name
    with pytest.raises(ValueError, match="get_me"):
        LimitSettings(tool_calls_per_minute={"get_me": -1})


@given(
    st.lists(
        st.tuples(st.sampled_from([ALICE, BOB]), st.sampled_from(CostClass), st.floats(0, 20), st.booleans()),
        max_size=200,
    )
)
def test_no_principal_gets_more_than_its_minute_whatever_others_do(
    steps: list[tuple[PrincipalId, CostClass, float, bool]],
) -> None:
    """Property: no stretch of time has more cells than the burst and what came back; who waits as told is let in."""
    now_s = 1000.0
    under_test = CallLimits(LimitSettings(calls_per_minute=20, max_concurrent_calls=0), clock_s=lambda: now_s)
    given_cells: dict[PrincipalId, list[tuple[float, int]]] = {ALICE: [], BOB: []}
    for who, cost, wait_s, obeys in steps:
        now_s += wait_s
        try:
            call(under_test, claim(who, cost))
        except RateLimited as refused:
            if not obeys:
                continue
            now_s += refused.retry_after_s
            call(under_test, claim(who, cost))
        given_cells[who].append((now_s, CELLS[cost]))
    for cells in given_cells.values():
        for first, (start_s, _) in enumerate(cells):
            for last in range(first, len(cells)):
                elapsed_s = cells[last][0] - start_s
                assert sum(taken for _, taken in cells[first : last + 1]) <= 20 + elapsed_s / 3 + 1
