"""The queue is bounded in number and bytes, and keeps room for outcomes."""

from __future__ import annotations

import pytest
import trio

from aegis_trio.audit.canonical import CHAIN_BYTES
from aegis_trio.audit.entry import Phase
from aegis_trio.audit.queue import LINGER_S, MAX_BYTES, MAX_LINGERING, MAX_RECORDS, RecordQueue, Ticket, Waiting


def waiting(text: str = "x", phase: Phase = Phase.EVENT, ticket: Ticket | None = None) -> Waiting:
    """Make a record."""
    return Waiting(text, phase, ticket)


def fill(queue: RecordQueue, one: Waiting) -> int:
    """Offer the same record until it is refused; return how often it was taken."""
    taken = 0
    while queue.offer(one):
        taken += 1
    return taken


@pytest.mark.parametrize("phase", [Phase.INTENT, Phase.EVENT])
def test_outcomes_find_room_when_nothing_else_does(phase: Phase) -> None:
    """What was begun must be able to end in the trail, whatever a flood of events does."""
    queue = RecordQueue()

    assert MAX_RECORDS * 3 // 4 == fill(queue, waiting(phase=phase))
    assert MAX_RECORDS // 4 == fill(queue, waiting(phase=Phase.OUTCOME))
    assert MAX_RECORDS == queue.records


def test_large_records_fill_the_queue_by_their_bytes() -> None:
    """4096 records of 64 KB would be a quarter of a gigabyte."""
    queue = RecordQueue()
    fill(queue, waiting("x" * 60_000))
    fill(queue, waiting("x" * 60_000, Phase.OUTCOME))

    assert queue.bytes <= MAX_BYTES + 60_000
    assert queue.records < MAX_RECORDS


def test_room_is_given_back_when_a_record_is_settled_and_not_before() -> None:
    """Records that are being written still take memory."""
    queue = RecordQueue()
    fill(queue, waiting())
    batch = queue.take(MAX_BYTES)

    assert not queue.offer(waiting())
    queue.settle(batch[0], 0)
    assert queue.offer(waiting())


def test_a_batch_is_bounded_by_the_bytes_of_its_lines() -> None:
    """A crash can tear no more than one batch, and recovery counts on it."""
    queue = RecordQueue()
    for number in range(5):
        queue.offer(waiting(str(number)))

    assert ["0", "1"] == [one.draft for one in queue.take(2 * (CHAIN_BYTES + 1))]
    assert ["2", "3", "4"] == [one.draft for one in queue.take(MAX_BYTES)]
    assert [] == queue.take(MAX_BYTES)


def test_what_is_put_back_comes_first_again() -> None:
    """Order is the order in which records were handed in, also across a fault."""
    queue = RecordQueue()
    for number in range(4):
        queue.offer(waiting(str(number)))
    queue.put_back(queue.take(2 * (CHAIN_BYTES + 1)))

    assert ["0", "1", "2", "3"] == [one.draft for one in queue.take(MAX_BYTES)]


async def test_a_closed_queue_takes_nothing_and_still_gives_what_it_has() -> None:
    """Leaving the trail drains it."""
    queue = RecordQueue()
    queue.offer(waiting())
    queue.close()

    assert await queue.wait_news()
    with pytest.raises(RuntimeError, match="closed"):
        queue.offer(waiting())
    queue.take(MAX_BYTES)
    assert not await queue.wait_news()


async def test_whoever_waits_wakes_for_records_and_for_the_end(autojump_clock: trio.testing.MockClock) -> None:
    """A wake-up that is missed would leave a record undurable for ever."""
    queue = RecordQueue()
    seen: list[bool] = []

    async def consume() -> None:
        while await queue.wait_news():
            seen.append(bool(queue.take(MAX_BYTES)))
        await queue.wait_closed()
        seen.append(False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(consume)
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            queue.offer(waiting())
            await trio.sleep(2 * LINGER_S)
        queue.close()

    assert [True, True, True, False] == seen


async def test_records_that_nobody_waits_for_linger_for_one_that_somebody_waits_for(
    mock_clock: trio.testing.MockClock,
) -> None:
    """A call's authentication and its intent are one commit; the clock stands still, so only company can wake it."""
    queue = RecordQueue()
    batches: list[int] = []

    async def consume() -> None:
        while await queue.wait_news():
            batches.append(len(queue.take(MAX_BYTES)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(consume)
        queue.offer(waiting())
        await trio.testing.wait_all_tasks_blocked()
        assert [] == batches
        queue.offer(waiting(phase=Phase.INTENT, ticket=Ticket()))
        await trio.testing.wait_all_tasks_blocked()
        assert [2] == batches
        for _ in range(MAX_LINGERING):
            queue.offer(waiting())
        await trio.testing.wait_all_tasks_blocked()
        assert [2, MAX_LINGERING] == batches
        queue.close()


async def test_waiting_for_the_end_is_not_disturbed_by_records() -> None:
    """A blocked writer waits for the end while others still hand in."""
    queue = RecordQueue()
    ended = trio.Event()

    async def wait() -> None:
        await queue.wait_closed()
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        queue.offer(waiting())
        await trio.testing.wait_all_tasks_blocked()
        assert not ended.is_set()
        queue.close()
        await ended.wait()
