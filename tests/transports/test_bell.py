"""One task waits for work, time and hang-up, and loses none of them."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.asgi import Message
from aegis_trio.transports.bell import Bell, Wake


async def nothing() -> Message:
    """Be a peer that says nothing."""
    await trio.sleep_forever()
    raise AssertionError


async def test_a_ring_before_the_wait_is_heard(autojump_clock: MockClock) -> None:
    """Work may arrive while the task is busy sending."""
    bell = Bell()
    bell.ring()
    bell.ring()

    assert Wake.RUNG is await bell.wait(nothing, math.inf)
    assert Wake.DUE is await bell.wait(nothing, trio.current_time() + 5)


async def test_a_ring_during_the_wait_ends_it(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """The waiter is woken, not polled."""
    bell = Bell()

    async def ring_later() -> None:
        await trio.sleep(3)
        bell.ring()

    nursery.start_soon(ring_later)
    began = trio.current_time()

    assert Wake.RUNG is await bell.wait(nothing, math.inf)
    assert 3 == round(trio.current_time() - began)


async def test_a_deadline_ends_the_wait(autojump_clock: MockClock) -> None:
    """Keep-alives need no timer of their own."""
    began = trio.current_time()

    assert Wake.DUE is await Bell().wait(nothing, began + 15)
    assert 15 == round(trio.current_time() - began)


async def test_a_hang_up_ends_the_wait(autojump_clock: MockClock) -> None:
    """What is left of a body is passed over on the way."""
    said: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"x", "more_body": False}]

    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        return said.pop()

    assert Wake.HUNG_UP is await Bell().wait(receive, math.inf)


async def test_cancellation_is_no_ring(autojump_clock: MockClock) -> None:
    """Whoever owns the task may end it at any wait."""
    with trio.move_on_after(1) as scope:
        await Bell().wait(nothing, math.inf)

    assert scope.cancelled_caught


async def test_every_wait_lets_others_run(autojump_clock: MockClock) -> None:
    """A stream that always has work must not hold the process."""
    bell = Bell()
    bell.ring()
    with trio.CancelScope() as scope:
        scope.cancel()
        await bell.wait(nothing, math.inf)
        pytest.fail("no checkpoint")
