"""Waiting for the writer's thread, which works in real time while Trio's clock stands still."""

from __future__ import annotations

import time
from collections.abc import Callable

import trio

from aegis_trio.audit.queue import LINGER_S
from aegis_trio.audit.trail import AuditTrail


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until *condition* holds; fail after a minute of real time."""
    end_s = time.monotonic() + 60
    while not condition():  # noqa: ASYNC110 -- a thread is at work, and rings no bell
        assert time.monotonic() < end_s, "what the test waits for never came"
        await trio.lowlevel.checkpoint()


async def until_beyond(count: Callable[[], int], number: int) -> None:
    """Let others run until *count* gives more than *number*; fail after a minute of real time."""
    await until(lambda: count() > number)


async def let_linger(clock: trio.testing.MockClock) -> None:
    """Let the time pass that records linger when nobody waits for them."""
    await trio.testing.wait_all_tasks_blocked()
    clock.jump(LINGER_S)


async def until_blocked(trail: AuditTrail) -> str:
    """Wait until the log is blocked and say why."""
    await until(lambda: trail.blocked_reason() is not None)
    return str(trail.blocked_reason())


async def until_writable(trail: AuditTrail, clock: trio.testing.MockClock, *, probes: int = 1) -> None:
    """Let at most so many probe intervals pass; fail when the log is still blocked after them."""
    for _ in range(probes):
        if trail.blocked_reason() is None:
            return
        await _probe(trail, clock)
    assert None is trail.blocked_reason()


async def _probe(trail: AuditTrail, clock: trio.testing.MockClock) -> None:
    before = trail.statistics().probes_total
    await trio.testing.wait_all_tasks_blocked()
    clock.jump(1.0)
    await until(lambda: trail.statistics().probes_total > before)
