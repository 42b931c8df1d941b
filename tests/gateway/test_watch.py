"""Watching through the door: one intent, one outcome, and a change that is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.gateway.tally import outcome_word
from aegis_trio.gateway.watch import WATCH_EVERY_S, watch_resource
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.call import CallKind, Failure, Pending, Success, ToolOutcome, ToolReply, ToolRequest, Transport
from aegis_trio.model.errors import (
    AuditUnavailable,
    Fault,
    NotFound,
    NotReady,
    RateLimited,
    ResourceMissing,
    UpstreamBusy,
    UpstreamForbade,
    UpstreamTimeout,
)
from aegis_trio.model.features import Catalogue, ResourceSpec
from aegis_trio.model.peer import Question
from aegis_trio.toolsets.context import ToolContext
from tests.transports.harness import make_caller
from tests.transports.real_door import Handler, RealDoor, make_door, operation

URI = "forge://a"
Say = Callable[[], Any]


class Scene:
    """A gateway whose one resource says what a test puts here, watched by one caller."""

    def __init__(self, limits: LimitSettings | None = None) -> None:
        self.says: Any = "one"
        self.changes = 0
        self.looks = 0
        spec = ResourceSpec(
            definition={"uri": URI, "name": "a"},
            is_template=False,
            matches=lambda uri: uri == URI,
            operation=operation("read_it", self._handler(), timeout_s=5.0),
        )
        self.door: RealDoor = make_door(Catalogue(resources=(spec,)), limits)

    def _handler(self) -> Handler:
        async def read(_context: ToolContext) -> ToolReply:
            await trio.sleep(0.1)
            self.looks += 1
            if isinstance(self.says, BaseException):
                raise self.says
            return ToolReply(content=({"uri": URI, "text": self.says},))

        return read

    def changed(self) -> None:
        """Count a change."""
        self.changes += 1

    async def watch(self, nursery: trio.Nursery, uri: str = URI) -> Fault | None:
        """Begin to watch; return how it began."""
        request = ToolRequest(
            tool=uri, raw_arguments={"uri": uri}, transport=Transport.STREAMABLE_HTTP, kind=CallKind.RESOURCE
        )

        async def run(*, task_status: trio.TaskStatus[Fault | None]) -> None:  # noqa: ASYNC128 -- watch() reports it
            await self.door.gateway.watch(make_caller("ada"), request, self.changed, task_status=task_status)

        return await nursery.start(run)

    def events(self) -> list[tuple[str, Any]]:
        """Return what the trail says, in order."""
        return [(entry.event, entry.fields.get("status")) for entry in self.door.trail.entries]


@pytest.mark.requirement("MCP-RES-08")
async def test_a_change_is_told_once_and_within_two_looks(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """What stays the same is not told; a change is, once, however long it lasts."""
    scene = Scene()
    assert await scene.watch(nursery) is None
    await trio.sleep(5 * WATCH_EVERY_S)
    before = scene.changes
    scene.says = "two"
    await trio.sleep(2 * WATCH_EVERY_S)
    after = scene.changes
    await trio.sleep(5 * WATCH_EVERY_S)

    assert (0, 1, 1) == (before, after, scene.changes)
    assert scene.looks > 10


@pytest.mark.parametrize(
    "failure",
    [UpstreamBusy("b"), UpstreamTimeout("t"), ValueError("bug"), RateLimited("r", retry_after_s=1)],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_look_that_fails_in_passing_is_no_change(
    autojump_clock: MockClock, nursery: trio.Nursery, failure: Exception
) -> None:
    """The forge was away, and is as it was: a client that reads again would find nothing new."""
    scene = Scene()
    await scene.watch(nursery)
    scene.says = failure
    await trio.sleep(3 * WATCH_EVERY_S)
    scene.says = "one"
    await trio.sleep(3 * WATCH_EVERY_S)
    same = scene.changes
    scene.says = failure
    await trio.sleep(3 * WATCH_EVERY_S)
    scene.says = "two"
    await trio.sleep(3 * WATCH_EVERY_S)

    assert (0, 1) == (same, scene.changes)


@pytest.mark.parametrize(
    "loss", [NotFound("n"), ResourceMissing("m", uri=URI), UpstreamForbade("f")], ids=lambda loss: type(loss).__name__
)
async def test_the_loss_of_rights_is_one_change(autojump_clock: MockClock, nursery: trio.Nursery, loss: Fault) -> None:
    """Gone and forbidden look the same; it is told once, and so is its return."""
    scene = Scene()
    await scene.watch(nursery)
    scene.says = loss
    await trio.sleep(3 * WATCH_EVERY_S)
    scene.says = NotFound("another word for the same")
    await trio.sleep(3 * WATCH_EVERY_S)
    lost = scene.changes
    scene.says = "one"
    await trio.sleep(3 * WATCH_EVERY_S)

    assert (1, 2) == (lost, scene.changes)


async def test_a_look_that_takes_too_long_is_no_change(autojump_clock: MockClock) -> None:
    """Each look has the deadline of its operation; the next one is made all the same."""
    outcomes = iter(
        [Success(_id(), ToolReply({"a": 1})), Failure(_id(), UpstreamTimeout("t")), Success(_id(), ToolReply({"a": 2}))]
    )
    told: list[float] = []

    async def look() -> ToolOutcome:
        await trio.sleep(1)
        return next(outcomes, Success(_id(), ToolReply({"a": 2})))

    with trio.move_on_after(60):
        await watch_resource(look, lambda: told.append(trio.current_time()), begun=lambda: None)

    assert [3 + 2 * WATCH_EVERY_S] == [round(at) for at in told]


@pytest.mark.parametrize("failure", [NotFound("n"), UpstreamBusy("b"), ValueError("bug")])
async def test_what_cannot_be_read_is_not_watched(
    autojump_clock: MockClock, nursery: trio.Nursery, failure: Exception
) -> None:
    """The subscriber hears why; the trail has the intent and what came of it."""
    scene = Scene()
    scene.says = failure
    fault = await scene.watch(nursery)
    await trio.sleep(3 * WATCH_EVERY_S)

    assert fault is not None
    assert [("tool_intent", None), ("tool_invocation", fault.code)] == scene.events()
    assert (1, []) == (scene.looks, scene.door.trail.open_intents())


async def test_a_watch_is_one_intent_and_one_outcome(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """However many looks it takes; its end is recorded also when it is cancelled."""
    scene = Scene()
    await scene.watch(nursery)
    await trio.sleep(10 * WATCH_EVERY_S)
    running = scene.events()
    nursery.cancel_scope.cancel()
    with trio.CancelScope(shield=True):
        await trio.sleep(1)

    assert [("tool_intent", None)] == running
    assert [("tool_intent", None), ("tool_invocation", "cancelled")] == scene.events()
    assert 0 == scene.door.limits.statistics().in_flight


async def test_what_does_not_exist_or_may_not_be_read_is_refused_before_it_is_looked_at(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """A refusal is a record of its own; no intent stands for what never ran."""
    scene = Scene()
    unknown = await scene.watch(nursery, "forge://other")
    scene.door.closed.append(NotReady("draining"))
    closed = await scene.watch(nursery)

    assert isinstance(unknown, ResourceMissing)
    assert isinstance(closed, NotReady)
    assert (["access_denied", "access_denied"], 0) == ([event for event, _ in scene.events()], scene.looks)


async def test_without_a_record_nothing_is_looked_at(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """Promise 2 holds for a watch as for a call."""
    scene = Scene()
    scene.door.trail.broken = True
    fault = await scene.watch(nursery)

    assert isinstance(fault, AuditUnavailable)
    assert 0 == scene.looks


async def test_looks_count_as_calls_of_their_principal(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """A watch is no way around the limits; a look that they refuse is made again later."""
    scene = Scene(LimitSettings(calls_per_minute=3))
    await scene.watch(nursery)
    admitted_at_once = scene.door.limits.statistics().admitted_total
    await trio.sleep(60)
    statistics = scene.door.limits.statistics()

    assert 1 == admitted_at_once
    assert statistics.admitted_total < 8
    assert 0 == statistics.in_flight


async def test_a_gate_that_closes_stops_looking_and_tells_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Not ready is no state of the resource."""
    scene = Scene()
    await scene.watch(nursery)
    scene.door.closed.append(NotReady("upstream is away"))
    looks = scene.looks
    await trio.sleep(5 * WATCH_EVERY_S)

    assert (looks, 0) == (scene.looks, scene.changes)


def test_each_outcome_has_its_word() -> None:
    """The words label metrics and the log."""
    outcomes: list[ToolOutcome] = [
        Success(_id(), ToolReply({})),
        Pending(_id(), {"k": Question("roots/list", {})}),
        Failure(_id(), NotFound("n")),
    ]

    assert ["success", "input_required", "not_found"] == [outcome_word(outcome) for outcome in outcomes]


def _id() -> Any:
    return "c-1"
