"""Lists that changed: everybody hears of it, and nobody else waits for that."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise

import trio
from trio.testing import MockClock

from aegis_trio.model.call import Transport
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.steps import Listen, RequestMeta, Wanted
from aegis_trio.transports.announcer import TOLD_AT_ONCE
from aegis_trio.transports.hub import SessionHub
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.subscriptions import ListName, Subscription
from tests.transports.harness import FakeDoor, make_caller
from tests.transports.test_hub import Deaf

ADA = PrincipalId("key:ada")
LISTEN = Listen(
    id=1, wanted=Wanted(tools=True), meta=RequestMeta(progress_token=None, client=None, capabilities={}, log_level=None)
)


class Heard(Deaf):
    """A sink that keeps what it is told."""

    can_speak = True

    def __init__(self) -> None:
        super().__init__()
        self.methods: list[object] = []

    def notify(self, message: JsonObject) -> None:
        self.methods.append(message["method"])


def _listening(hub: SessionHub, count: int) -> list[Outbox]:
    """Return the streams of *count* sessions of *hub*."""
    outboxes: list[Outbox] = []
    for _ in range(count):
        session = hub.admit(ADA, Transport.HTTP_SSE)
        session.voice = Outbox(SessionSettings(), hub.outbox_budget, hub.note_cut)
        outboxes.append(session.voice)
    return outboxes


def _told(outboxes: list[Outbox]) -> int:
    return sum(outbox.next(0) is not None for outbox in outboxes)


async def test_many_streams_are_told_a_few_at_a_time(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """With 5,000 streams woken at once, every other request would wait until all of them had been written to."""
    hub = SessionHub(SessionSettings())
    await nursery.start(hub.run)
    outboxes = _listening(hub, 10 * TOLD_AT_ONCE + 1)
    hub.announce_list(ListName.TOOLS)
    turns = [0]
    while turns[-1] < len(outboxes):
        await trio.lowlevel.checkpoint()
        turns.append(_told(outboxes))

    # Trio runs the tasks of one step in any order, so that another may come before two of the teller's turns.
    assert 2 * TOLD_AT_ONCE >= max(after - before for before, after in pairwise(turns))


async def test_a_list_that_changes_again_before_it_was_told_is_told_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """The message says only that a list is to be asked for anew."""
    hub = SessionHub(SessionSettings())
    await nursery.start(hub.run)
    (outbox,) = _listening(hub, 1)
    for name in (ListName.TOOLS, ListName.PROMPTS, ListName.TOOLS):
        hub.announce_list(name)
    await trio.testing.wait_all_tasks_blocked()
    first = outbox.next(0)
    assert first is not None
    second = outbox.next(1)
    assert second is not None
    assert outbox.next(2) is None
    assert first.body != second.body

    hub.announce_list(ListName.TOOLS)
    await trio.testing.wait_all_tasks_blocked()
    assert outbox.next(2) is not None


async def test_a_subscription_that_ended_while_others_are_told_hears_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Its request is over; what is put into its answer then would wait there, and count, for ever."""
    hub = SessionHub(SessionSettings())
    await nursery.start(hub.run)
    outboxes = _listening(hub, 2 * TOLD_AT_ONCE)
    heard = Heard(), Heard()
    subscriptions = [Subscription(LISTEN, sink, Transport.STREAMABLE_HTTP) for sink in heard]
    for subscription in subscriptions:
        nursery.start_soon(subscription.run, FakeDoor(), make_caller("ada"))
    await trio.testing.wait_all_tasks_blocked()
    with hub.subscribed(subscriptions[0]), ExitStack() as stays:
        stays.enter_context(hub.subscribed(subscriptions[1]))
        hub.announce_list(ListName.TOOLS)
        while not _told(outboxes):  # noqa: ASYNC110 -- the step at which the first was told is what is waited for
            await trio.lowlevel.checkpoint()
        stays.close()
        await trio.testing.wait_all_tasks_blocked()
    for subscription in subscriptions:
        subscription.leave()

    acknowledged = "notifications/subscriptions/acknowledged"
    assert [acknowledged, "notifications/tools/list_changed"] == heard[0].methods
    assert [acknowledged] == heard[1].methods
