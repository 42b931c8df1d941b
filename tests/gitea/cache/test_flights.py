"""Identical questions at the same time are one; nobody suffers for another's end."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.gitea.cache.flights import Flights
from aegis_trio.model.errors import UpstreamUnreachable


class _Question:
    """Takes a second, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await trio.sleep(1)
        return number


def _flights(join_s: float = 2.0) -> Flights[int]:
    return Flights[int](join_s, trio.current_time)


async def test_many_at_once_are_one(autojump_clock: MockClock) -> None:
    """All get its answer; whoever comes after asks anew."""
    flights, question, answers = _flights(), _Question(), list[int]()

    async def ask() -> None:
        answers.append(await flights.share("key", question))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert [1] * 5 == answers
    assert (1, 4, 0) == (question.asked, flights.joined, len(flights))
    assert 2 == await flights.share("key", question)


async def test_other_questions_are_their_own(autojump_clock: MockClock) -> None:
    """A key is a question."""
    flights, question = _flights(), _Question()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flights.share, "one", question)
        nursery.start_soon(flights.share, "two", question)
    assert 2 == question.asked


async def test_the_first_being_cancelled_harms_no_other(autojump_clock: MockClock) -> None:
    """One of those who waited asks anew, for all of them; the cancelled one ends at once."""
    flights, question, answers = _flights(), _Question(), list[int]()
    first = trio.CancelScope()

    async def lead() -> None:
        with first:
            await flights.share("key", question)
        assert 0.5 == trio.current_time() - begun

    async def follow() -> None:
        answers.append(await flights.share("key", question))

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            nursery.start_soon(follow)
        await trio.sleep(0.5)
        first.cancel()
    assert [2, 2, 2] == answers
    assert (2, 0) == (question.asked, len(flights))


async def test_a_follower_being_cancelled_harms_no_other(autojump_clock: MockClock) -> None:
    """It only stops waiting."""
    flights, question, answers = _flights(), _Question(), list[int]()

    async def ask() -> None:
        answers.append(await flights.share("key", question))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.2):
            await flights.share("key", question)
    assert [1] == answers
    assert 1 == question.asked


async def test_a_fault_is_everybodys(autojump_clock: MockClock) -> None:
    """Gitea that does not answer one does not answer the others, who asked the same."""
    flights, asked = _flights(), 0

    async def fail() -> int:
        nonlocal asked
        asked += 1
        await trio.sleep(1)
        raise UpstreamUnreachable("Gitea is away.")

    async def ask() -> None:
        with pytest.raises(UpstreamUnreachable):
            await flights.share("key", fail)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert 1 == asked


async def test_nobody_joins_an_old_question(autojump_clock: MockClock) -> None:
    """Its answer may be as old as the question, and be older than a right that was lost."""
    flights, question = _flights(join_s=0.5), _Question()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flights.share, "key", question)
        await trio.sleep(0.6)
        assert 2 == await flights.share("key", question)
    assert (2, 0, 0) == (question.asked, flights.joined, len(flights))
