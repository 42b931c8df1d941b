"""Places at Gitea are shared: nobody who floods them delays anybody else by more than a turn."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import PrincipalId

ALICE, BOB, CAROL = PrincipalId("key:alice"), PrincipalId("key:bob"), PrincipalId("key:carol")


async def _request(bulkhead: Bulkhead, who: PrincipalId, order: list[PrincipalId], seconds: float = 1.0) -> None:
    async with bulkhead.place(who):
        order.append(who)
        await trio.sleep(seconds)


async def test_places_are_all_taken_before_anybody_waits(autojump_clock: MockClock) -> None:
    """The bulkhead must not leave Gitea idle."""
    bulkhead, order = Bulkhead(3), list[PrincipalId]()
    async with trio.open_nursery() as nursery:
        for _ in range(7):
            nursery.start_soon(_request, bulkhead, ALICE, order)
        await trio.testing.wait_all_tasks_blocked()
        assert (3, 4) == (bulkhead.statistics().inside, bulkhead.statistics().waiting)
    assert 3.0 == trio.current_time()
    found = bulkhead.statistics()
    assert (0, 0, 0, 7, 4) == (found.inside, found.waiting, found.principals, found.admitted_total, found.waited_total)
    assert (1.0 * 3 + 2.0, 2.0) == (found.waited_seconds_total, found.waited_seconds_max)


async def test_a_newcomer_is_next_however_many_of_another_wait(autojump_clock: MockClock) -> None:
    """One principal that floods the gate delays another by one request, not by its whole queue."""
    bulkhead, order = Bulkhead(2), list[PrincipalId]()
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(_request, bulkhead, ALICE, order)
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.5)
        with trio.fail_after(1.6):
            await _request(bulkhead, BOB, order)
        nursery.cancel_scope.cancel()
    assert 3 >= order.index(BOB)


async def test_equals_take_turns(autojump_clock: MockClock) -> None:
    """Three principals that all want more than there is get the same."""
    bulkhead, order = Bulkhead(1), list[PrincipalId]()
    async with trio.open_nursery() as nursery:
        for who in (ALICE, BOB, CAROL):
            for _ in range(5):
                nursery.start_soon(_request, bulkhead, who, order)
            await trio.testing.wait_all_tasks_blocked()
    for first in range(0, 15, 3):
        assert {ALICE, BOB, CAROL} == set(order[first : first + 3])


async def test_slow_requests_hold_no_more_places_than_their_share(autojump_clock: MockClock) -> None:
    """Half of the places come to whoever asks for them, as soon as they come free."""
    bulkhead, order = Bulkhead(4), list[PrincipalId]()
    async with trio.open_nursery() as nursery:
        for _ in range(40):
            nursery.start_soon(_request, bulkhead, ALICE, order, 10.0)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(40):
            nursery.start_soon(_request, bulkhead, BOB, order, 10.0)
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(10.5)
        assert Counter({ALICE: 6, BOB: 2}) == Counter(order)
        nursery.cancel_scope.cancel()


async def test_two_that_come_and_go_do_not_starve_one_that_waits(autojump_clock: MockClock) -> None:
    """Whoever leaves and comes back stands behind those who waited meanwhile."""
    bulkhead, order = Bulkhead(1), list[PrincipalId]()

    async def again_and_again(who: PrincipalId) -> None:
        while True:
            await _request(bulkhead, who, order)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again_and_again, BOB)
        nursery.start_soon(again_and_again, CAROL)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            await _request(bulkhead, ALICE, order)
        nursery.cancel_scope.cancel()
    assert [2, 5, 8] == [place for place, who in enumerate(order) if who == ALICE]


async def test_a_full_queue_refuses_whoever_fills_it(autojump_clock: MockClock) -> None:
    """The newest of the longest queue goes, and a newcomer finds room."""
    bulkhead, order, refused = Bulkhead(1, max_waiting=10), list[PrincipalId](), Counter[PrincipalId]()

    async def request(who: PrincipalId) -> None:
        try:
            await _request(bulkhead, who, order)
        except RateLimited as fault:
            refused[who] += fault.limit == "gitea_queue" and fault.retry_after_s == 1

    async with trio.open_nursery() as nursery:
        for _ in range(15):
            nursery.start_soon(request, ALICE)
        await trio.testing.wait_all_tasks_blocked()
        assert {ALICE: 4} == refused
        for who in (BOB, CAROL):
            nursery.start_soon(request, who)
            await trio.testing.wait_all_tasks_blocked()
        assert {ALICE: 6} == refused
        assert 10 == bulkhead.statistics().waiting
    assert {ALICE: 9, BOB: 1, CAROL: 1} == Counter(order)
    assert 6 == bulkhead.statistics().refused_total
    assert 0 == bulkhead.statistics().principals


async def test_who_is_cancelled_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    """A client that hangs up, waiting or inside, must not cost a place for ever."""
    bulkhead, order = Bulkhead(1), list[PrincipalId]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_request, bulkhead, ALICE, order)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.5):
            await _request(bulkhead, BOB, order)
        assert (0, 1) == (bulkhead.statistics().waiting, bulkhead.statistics().principals)
    with trio.move_on_after(0.5):
        await _request(bulkhead, ALICE, order)
    assert (0, 0) == (bulkhead.statistics().inside, bulkhead.statistics().principals)


async def test_who_is_cancelled_as_its_turn_comes_passes_it_on(autojump_clock: MockClock) -> None:
    """The place was given and not used: the next one has it at once."""
    bulkhead, order = Bulkhead(1), list[PrincipalId]()
    scope = trio.CancelScope()

    async def first() -> None:
        async with bulkhead.place(ALICE):
            await trio.sleep(1)
        scope.cancel()

    async def second() -> None:
        with scope:
            await _request(bulkhead, BOB, order)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(second)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(_request, bulkhead, CAROL, order)
    assert scope.cancelled_caught
    assert CAROL == order[-1]
    assert (0, 0, 2.0) == (bulkhead.statistics().inside, bulkhead.statistics().waiting, trio.current_time())


async def test_nobody_is_let_in_who_was_cancelled_before() -> None:
    """A call that has ended asks Gitea nothing more."""
    bulkhead = Bulkhead(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        async with bulkhead.place(ALICE):
            pytest.fail("let in")
    assert 0 == bulkhead.statistics().admitted_total


@pytest.mark.parametrize("numbers", [{"places": 0}, {"places": 1, "max_waiting": 0}])
def test_a_bulkhead_that_lets_nobody_in_is_our_own_misuse(numbers: dict[str, int]) -> None:
    """It would look like a Gitea that never answers."""
    with pytest.raises(ValueError, match="at least 1"):
        Bulkhead(**numbers)


Steps = list[tuple[int, float, float]]


@given(
    places=st.integers(1, 4),
    steps=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 3), st.floats(0.1, 5)), max_size=60),
)
def test_nobody_is_passed_twice_while_it_holds_nothing(places: int, steps: Steps) -> None:
    """Property: a principal with nothing inside waits for no more places than there were principals when it came.

    And whenever a place is given, nobody waits that holds fewer than whoever gets it held.
    """

    async def run() -> None:
        bulkhead = Bulkhead(places)
        inside, waiting = Counter[int](), Counter[int]()
        entries: list[int] = []

        async def request(number: int, seconds: float) -> None:
            who = PrincipalId(f"key:{number}")
            was_idle = not inside[number] and not waiting[number]
            present = len({one for one in range(5) if inside[one] or waiting[one]} - {number})
            before = len(entries)
            waiting[number] += 1
            async with bulkhead.place(who):
                waiting[number] -= 1
                assert all(inside[number] <= inside[other] for other in range(5) if waiting[other] and other != number)
                if was_idle:
                    passed = entries[before:]
                    assert len(passed) <= present
                    assert len(set(passed)) == len(passed)
                inside[number] += 1
                entries.append(number)
                assert places >= inside.total()
                await trio.sleep(seconds)
                inside[number] -= 1

        async with trio.open_nursery() as nursery:
            for number, wait_s, seconds in steps:
                await trio.sleep(wait_s)
                nursery.start_soon(partial(request, number, seconds))
                await trio.testing.wait_all_tasks_blocked()
        assert (0, 0, 0) == (
            bulkhead.statistics().inside,
            bulkhead.statistics().waiting,
            bulkhead.statistics().principals,
        )

    trio.run(run, clock=MockClock(autojump_threshold=0))
