"""Whatever ends, wherever it stands: nothing of it is left, and each intent has its outcome.

Each story is told once to count its steps, and then again and again, interrupted before each step in turn.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, Final

import pytest
import structlog
import trio
import trio.abc
import trio.lowlevel
from trio.testing import MockClock

from aegis_trio.model.identity import PrincipalId
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.settings import SessionSettings
from tests.transports.harness import Gate
from tests.transports.real_door import make_door
from tests.transports.stories import STORIES, WHOLE, Stage, Story


def end_sessions(stage: Stage) -> None:
    """As DELETE does."""
    for session in stage.sessions:
        stage.gate.hub.forget(session)


def cancel_calls(stage: Stage) -> None:
    """As notifications/cancelled does, for every call."""
    for session in stage.sessions:
        for request_id in ("c", 1):
            session.cancel_call(request_id)


def hang_up(stage: Stage) -> None:
    """As a client does whose network is gone."""
    for conversation in stage.connections:
        conversation.hang_up()


def kill_requests(stage: Stage) -> None:
    """As a server does that ends its connections."""
    for conversation in stage.connections:
        conversation.scope.cancel()


def break_connections(stage: Stage) -> None:
    """As a network does: the next send raises."""
    for conversation in stage.connections:
        conversation.breaks_with = OSError("broken pipe")
        conversation.hang_up()


def revoke(stage: Stage) -> None:
    """As the operator does who removes a key."""
    stage.gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))


INTERRUPTIONS: Final = (end_sessions, cancel_calls, hang_up, kill_requests, break_connections, revoke)


class AtStep(trio.abc.Instrument):
    """Does something before the n-th step of any task."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.steps = 0
        self._step = step
        self._act = act

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count, and act once."""
        del task
        self.steps += 1
        if self.steps == self._step:
            self._act()


async def assert_nothing_is_left(stage: Stage, nursery: trio.Nursery) -> None:
    """Let every client go and time pass, and look everywhere; then end the sessions, and look again."""
    hub, door = stage.gate.hub, stage.door
    for conversation in stage.connections:
        conversation.hang_up()
    await trio.sleep(500)  # a question waits 100 s, its stream is kept 300 s
    for session in stage.sessions:
        assert session.is_at_rest
        assert {} == session.streams
        assert not session.dialogue._open
    before = hub.statistics()
    assert (0, 0, 0) == (sum(before.streams_open.values()), before.outbox_bytes, before.calls_running)
    end_sessions(stage)
    await trio.sleep(10)
    after = hub.statistics()
    assert (0, 0) == (after.sessions_open, after.outbox_bytes)
    assert not hub._requests
    assert not hub._announcer._subscriptions
    assert not hub.outbox_budget._kept
    assert (0, 0) == (door.gateway.statistics().calls_running, door.limits.statistics().in_flight)
    assert [] == door.trail.open_intents()
    assert all(conversation.over.is_set() for conversation in stage.connections)
    assert 2 == len(nursery.child_tasks)  # the hub and the forge
    assert hub._nursery is not None
    assert 2 == len(hub._nursery.child_tasks)  # the reaper, and who tells of lists


def tell(story: Story, step: int, interrupt: Callable[[Stage], None]) -> tuple[int, Any]:
    """Tell *story* with one interruption before its n-th step; return how many steps it took, and its end."""
    end: list[Any] = []

    async def main() -> int:
        async with trio.open_nursery() as nursery:
            door = make_door()
            gate = Gate(nursery, SessionSettings(), door.gateway)
            await nursery.start(gate.hub.run)
            nursery.start_soon(door.forge.run)
            stage = Stage(gate, door)
            counting = AtStep(step, lambda: interrupt(stage))
            trio.lowlevel.add_instrument(counting)
            with trio.move_on_after(300):
                end.append(await story(stage))
            steps = counting.steps
            trio.lowlevel.remove_instrument(counting)
            await assert_nothing_is_left(stage, nursery)
            nursery.cancel_scope.cancel()
        return steps

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        return trio.run(main, clock=MockClock(autojump_threshold=0)), end
    finally:
        structlog.reset_defaults()


@pytest.mark.parametrize("story", STORIES)
def test_each_story_has_a_good_end(story: str) -> None:
    """Otherwise the tests below would interrupt what never happens."""
    steps, end = tell(STORIES[story], 0, revoke)

    assert [WHOLE] == end
    assert steps > 20


@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("story", STORIES)
def test_nothing_is_left_wherever_it_is_interrupted(story: str, interrupt: Callable[[Stage], None]) -> None:
    """Promises 2 and 5: everything that worked for it ends, what it held is free, and each intent has one outcome."""
    step, steps = 0, 1
    while step < steps:
        step += 1
        steps, _ = tell(STORIES[story], step, interrupt)
    gc.collect()

    assert not [one for one in gc.get_objects() if isinstance(one, Outbox) and one._queue]


@pytest.mark.parametrize("story", STORIES)
def test_a_gate_that_is_stopped_has_recorded_every_outcome(story: str) -> None:
    """The trail is born first and dies last: whatever is cancelled with the gate has its outcome before the end."""

    def stop(at_step: int) -> int:
        door = make_door()

        async def main() -> int:
            async with trio.open_nursery() as nursery:
                gate = Gate(nursery, SessionSettings(), door.gateway)
                await nursery.start(gate.hub.run)
                nursery.start_soon(door.forge.run)
                counting = AtStep(at_step, nursery.cancel_scope.cancel)
                trio.lowlevel.add_instrument(counting)
                await STORIES[story](Stage(gate, door))
                nursery.cancel_scope.cancel()
            return counting.steps

        steps = trio.run(main, clock=MockClock(autojump_threshold=0))
        assert [] == door.trail.open_intents()
        assert (0, 0) == (door.gateway.statistics().calls_running, door.limits.statistics().in_flight)
        return steps

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        for step in range(1, stop(0) + 1):
            stop(step)
    finally:
        structlog.reset_defaults()
